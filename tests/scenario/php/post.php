<?php
// What a body was: its length and its md5.
file_put_contents(__FILE__ . '.runs', '.', FILE_APPEND | LOCK_EX);
header('Content-Type: text/plain');
$body = file_get_contents('php://input');
echo strlen($body), ' ', md5($body), "\n";
