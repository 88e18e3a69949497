// Git errors that the tests of fetches cannot cause: certificate errors, exceeded limits, and unknown errors.

import { expect, test } from "vitest";
import { gitFailure } from "./git-failure.ts";

test.each<[string, number | null, string]>([
  [
    "fatal: unable to access 'https://a.test/': server certificate verification failed. CAfile: /tmp/x",
    128,
    "the server's certificate is not valid",
  ],
  ["fatal: dumb http transport does not support shallow capabilities", 128, "git's smart protocol"],
  [
    "error: index-pack died of signal 25\nfatal: fetch-pack: invalid index-pack output",
    128,
    "the repository is too large",
  ],
  ["", null, "the repository is too large"],
  [
    "warning: x\nfatal: unable to access 'https://me:secret@a.test/': 502\n",
    128,
    "unable to access 'https://a.test/': 502",
  ],
  ["", 3, "git reported: exit code 3"],
])("%j of git is explained", (stderr, exitCode, message) => {
  const error = gitFailure("The buildpack x cannot be fetched", {
    stderr,
    exitCode,
    stdout: Buffer.alloc(0),
  });
  expect(error).toMatchObject({ code: "no-buildpack", message: expect.stringContaining(message) });
  expect(error.message).not.toContain("secret");
});
