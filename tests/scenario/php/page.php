<?php
// One page: ?ms= how long it takes, ?ttl= its max-age, ?status=; the body says which run this was.
$file = __FILE__ . '.runs';
file_put_contents($file, '.', FILE_APPEND | LOCK_EX);
clearstatcache();
$run = filesize($file);
usleep(1000 * (int)($_GET['ms'] ?? 0));
if (isset($_GET['ttl'])) {
    header('Cache-Control: max-age=' . (int)$_GET['ttl']);
}
http_response_code((int)($_GET['status'] ?? 200));
header('Content-Type: text/plain');
echo 'run ', $run, ' of ', $_SERVER['REQUEST_URI'], "\n";
