<?php
// A page of ?kb= kilobytes, every line different, so that a lost or doubled piece shows.
file_put_contents(__FILE__ . '.runs', '.', FILE_APPEND | LOCK_EX);
header('Content-Type: text/plain');
for ($line = 0; $line < 16 * (int)($_GET['kb'] ?? 1); $line++) {
    printf("%063d\n", $line);
}
