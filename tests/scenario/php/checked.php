<?php
// A page that can be checked: 304 when it is asked with the tag that the file beside it has, which
// is "v1" as long as there is none. Its Age says that it is stale as it comes.
file_put_contents(__FILE__ . '.runs', '.', FILE_APPEND | LOCK_EX);
$version = @file_get_contents(__FILE__ . '.version') ?: 'v1';
header("ETag: \"$version\"");
if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') === "\"$version\"") {
    http_response_code(304);
    exit;
}
header('Cache-Control: max-age=60');
header('Age: 60');
header('Content-Type: text/css');
echo "/* $version */\n";
