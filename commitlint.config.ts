// The rules for commit messages, checked by npm run check for all commits since the one that added this file.

import { startsImperatively } from "@slipway/tools/commit-subject";

export default {
  // the whole header is the subject: there is no `type:` or `type(scope):` before it
  parserPreset: { parserOpts: { headerPattern: /^(.*)$/, headerCorrespondence: ["subject"] } },
  plugins: [{ rules: { "subject-imperative": imperative } }],
  rules: {
    "header-max-length": [2, "always", 72],
    "header-trim": [2, "always"],
    "subject-empty": [2, "never"],
    "subject-full-stop": [2, "never", "."],
    "subject-imperative": [2, "always"],
    "body-leading-blank": [2, "always"],
  },
};

function imperative({ subject }: { subject?: string | null }): [boolean, string] {
  return [
    startsImperatively(subject ?? ""),
    'subject must start with a capitalized imperative verb, such as "Add", "Fix" or "Remove"',
  ];
}
