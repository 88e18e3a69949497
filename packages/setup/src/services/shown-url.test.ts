import { expect, test } from "vitest";
import { withoutPassword } from "./shown-url.ts";

test.each([
  ["redis://:secret@127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"],
  ["https://user:se%40cret@registry.example", "https://user@registry.example"],
  ["http://registry.example:5000/", "http://registry.example:5000/"],
  ["redis+sentinel://app:secret@one:1,two:2/main", "redis+sentinel://app@one:1,two:2/main"],
  ["rediss+cluster://app:secret@one:1,two:2", "rediss+cluster://app@one:1,two:2"],
  ["redis+cluster://:s@cret@one,two", "redis+cluster://one,two"],
  [
    "redis+sentinel://:s@cret@one/main?sentinelPassword=secret&x=1",
    "redis+sentinel://one/main?sentinelPassword=…&x=1",
  ],
])("%s is shown as %s", (url, shown) => {
  expect(withoutPassword(url)).toBe(shown);
});
