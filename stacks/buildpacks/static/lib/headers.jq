# The "headers" of a static.json as text of nginx's configuration. $part: `cache`, lines of a map of Cache-Control; `maps`, a map of each
# other header; `add`, their add_header lines. The last path that matches counts, so it is the first in a map.
def regex: gsub("[.]"; "[.]") | gsub("[*]{2}"; "\n") | gsub("[*]"; "[^/]*") | gsub("\n"; ".*") | "\"~^\(.)$\"";
def lines: map("    \(.path | regex) \"\(.value | gsub("\""; "\\\""))\";");
[.headers // {} | to_entries[] | .key as $path | .value | to_entries[] | {path: $path, name: .key, value}]
| reverse | group_by(.name | ascii_downcase)
| map(select((.[0].name | ascii_downcase) == "cache-control" | if $part == "cache" then . else not end))
| to_entries[] | .key as $number | .value
| if $part == "cache" then lines[]
  elif $part == "maps" then "  map $path $header_\($number) {", lines[], "    default \"\";", "  }"
  else "    add_header \(.[0].name) $header_\($number) always;" end
