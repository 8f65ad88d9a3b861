<?php
// The worker is killed in the middle of its page (U25); ?length=1 announces a Content-Length.
file_put_contents(__FILE__ . '.runs', '.', FILE_APPEND | LOCK_EX);
header('Cache-Control: max-age=60');
if (isset($_GET['length'])) {
    header('Content-Length: 200000');
}
echo str_repeat('x', 100000);
flush();
posix_kill(posix_getpid(), 9);
