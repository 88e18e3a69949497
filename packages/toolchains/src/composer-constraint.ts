// Compares a version with a constraint in Composer's notation, which differs a little from npm's.

import semver from "semver";

/** @returns whether the version satisfies a constraint such as `^8.1`, `~8.1`, `>=7.4,<8.3` or `8.1.* | 8.2.*`; null for another form. */
export function fitsComposer(version: string, constraint: string): boolean | null {
  const alternatives = constraint.split(/\|\|?/).map((one) =>
    one
      .replaceAll(",", " ")
      .replace(/@\w+/g, "")
      // Composer's ~8.1 lets only the last part increase, like npm's ^8.1.
      .replace(/~\s*v?(\d+\.\d+)(?![\d.])/g, ">=$1 <$1+")
      .replace(/<(\d+)\.\d+\+/g, (_, major: string) => `<${Number(major) + 1}`)
      .replace(/!=\s*\S+/g, "")
      .trim(),
  );
  const range = semver.validRange(alternatives.join(" || "));
  const given = semver.coerce(version);
  return range === null || given === null ? null : semver.satisfies(given, range);
}
