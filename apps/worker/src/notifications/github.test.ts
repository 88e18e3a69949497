import { expect, test } from "vitest";
import { commitOf } from "./github.ts";

const hash = "0123456789abcdef0123456789abcdef01234567";
const of = (url: string, gitRef: string | null = null) => commitOf({ source: { kind: "url", url }, gitRef });

test.for([
  ["https://github.com/acme/app/archive/v1.2.tar.gz", "v1.2"],
  ["https://github.com/acme/app/archive/refs/heads/feature/x.tar.gz", "feature/x"],
  ["https://github.com/acme/app/archive/refs/tags/v1.tgz?token=1", "v1"],
  [`https://github.com/acme/app/archive/${hash}.tar.gz`, hash],
  ["https://codeload.github.com/acme/app/tar.gz/refs/heads/main", "main"],
  ["https://codeload.github.com/acme/app/legacy.tar.gz/v1", "v1"],
  ["https://api.github.com/repos/acme/app/tarball/feature%2Fx", "feature/x"],
] as const)("%s is an archive of %s", ([url, ref]) => {
  expect(of(url)).toEqual({ owner: "acme", repository: "app", ref });
});

test.for([
  "https://example.com/acme/app/archive/v1.tar.gz",
  "https://github.com.example.com/acme/app/archive/v1.tar.gz",
  "https://github.com/acme/app/releases/download/v1/app.tar.gz",
  "https://github.com/../../archive/v1.tar.gz",
  "https://github.com/acme/app/archive/100%.tar.gz",
])("%s is none", (url) => {
  expect(of(url)).toBeNull();
  expect(commitOf({ source: { kind: "upload", sourceId: "s" }, gitRef: hash })).toBeNull();
});

test("a git_ref that is a commit's hash says which one, where the archive names a branch", () => {
  expect(of("https://github.com/acme/app/archive/main.tar.gz", hash)?.ref).toBe(hash);
  expect(of("https://github.com/acme/app/archive/main.tar.gz", "main")?.ref).toBe("main");
});
