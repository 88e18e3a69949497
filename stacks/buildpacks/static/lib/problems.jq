# The first thing wrong with a static.json, or nothing: what passes may be written into nginx's configuration.
def place: type == "string" and test("^/?[A-Za-z0-9_][A-Za-z0-9._/-]*/?$|^\\.?/?$") and (split("/") | index("..") | not);
# Headers that nginx sets by itself.
def own: ["connection", "content-encoding", "content-length", "content-type", "date", "etag", "last-modified", "server", "transfer-encoding"];
def header_problem:
  if type != "object" or any(.[]; type != "object") then "must map paths to headers, such as {\"/**\": {\"X-Frame-Options\": \"DENY\"}}"
  else first(
    to_entries[] | .key as $path | .value | to_entries[]
    | if $path | test("^/[A-Za-z0-9._/*-]*$") | not then "the path \($path) must begin with / and consist of letters, digits and . _ / - *"
      elif .key | test("^[A-Za-z0-9-]+$") | not then "\(.key) is not the name of a header"
      elif .key | ascii_downcase | IN(own[]) then "\(.key) cannot be set: it is the server\u0027s"
      elif .value | type == "string" and test("^[ -~]{1,2000}$") and (test("[\\\\$]") | not) | not
      then "the value of \(.key) must be a text of up to 2000 characters of ASCII, without \\ and $"
      else empty end
  ) // null end;
if has("root") and (.root | place | not) then "\"root\" must be a path inside the app, of letters, digits and . _ / -"
elif has("error_page") and (.error_page | place | not) then "\"error_page\" must be a path of letters, digits and . _ / -"
elif has("clean_urls") and (.clean_urls | type != "boolean") then "\"clean_urls\" must be true or false"
elif has("routes") and (.routes | type != "object" or keys != ["/**"]) then "\"routes\" supports one pattern only: {\"/**\": \"index.html\"}"
elif has("routes") and (.routes["/**"] | place | not) then "the page of \"routes\" must be a path of letters, digits and . _ / -"
elif has("headers") and (.headers | header_problem != null) then "\"headers\": \(.headers | header_problem)"
else empty end
