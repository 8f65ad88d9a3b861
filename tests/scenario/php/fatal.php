<?php
// Half a page, then a fatal error: a proper end, status 200; only stderr tells (U17).
file_put_contents(__FILE__ . '.runs', '.', FILE_APPEND | LOCK_EX);
header('Cache-Control: max-age=60');
echo str_repeat("half\n", 2000);
flush();
no_such_function();
