// Prints the version of a package that a range asks for: resolve.cjs SEMVER PACKAGE_FILE RANGE PREFERRED [NODE].
// The newest one inside PREFERRED when RANGE allows it, else the newest; with NODE, only those that say they run on it.
// Nothing printed: none fits. Exit code 3: RANGE is not a range.
"use strict";

const [semverDirectory, packageFile, range, preferred, nodeVersion] = process.argv.slice(2);
const semver = require(semverDirectory);
const { versions } = JSON.parse(require("node:fs").readFileSync(packageFile, "utf8"));

if (semver.validRange(range) === null) process.exit(3);

const runsOnNode = (version) =>
  !nodeVersion || semver.satisfies(nodeVersion, versions[version].engines?.node ?? "*");
const fitting = Object.keys(versions).filter(
  (version) => semver.satisfies(version, range) && runsOnNode(version),
);

process.stdout.write(semver.maxSatisfying(fitting, preferred) ?? semver.maxSatisfying(fitting, range) ?? "");
