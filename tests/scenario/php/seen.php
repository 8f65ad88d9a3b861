<?php
// What the application sees of a request.
file_put_contents(__FILE__ . '.runs', '.', FILE_APPEND | LOCK_EX);
header('Content-Type: application/json');
echo json_encode(array_filter($_SERVER, 'is_string'), JSON_UNESCAPED_SLASHES);
