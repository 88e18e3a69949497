# The first thing wrong with a static.json, or nothing: what passes may be written into nginx's configuration.
def place: type == "string" and test("^/?[A-Za-z0-9_][A-Za-z0-9._/-]*/?$|^\\.?/?$") and (split("/") | index("..") | not);
if has("root") and (.root | place | not) then "\"root\" must be a path inside the app, of letters, digits and . _ / -"
elif has("error_page") and (.error_page | place | not) then "\"error_page\" must be a path of letters, digits and . _ / -"
elif has("clean_urls") and (.clean_urls | type != "boolean") then "\"clean_urls\" must be true or false"
elif has("routes") and (.routes | type != "object" or keys != ["/**"]) then "\"routes\" supports one pattern only: {\"/**\": \"index.html\"}"
elif has("routes") and (.routes["/**"] | place | not) then "the page of \"routes\" must be a path of letters, digits and . _ / -"
else empty end
