// Prints what starts a script of package.json as npm does, for a shell to evaluate: variables that npm sets, and the script as the
// command. Exits with 1 when only npm can run it. It contains no single quote, because it is between such in the launch script.
const fs = require("node:fs"),
  path = require("node:path");
const [name, here] = [process.argv[1], process.cwd()];
const { name: app, version, scripts, config } = JSON.parse(fs.readFileSync("package.json", "utf8"));
const settings = fs.existsSync(".npmrc") ? fs.readFileSync(".npmrc", "utf8") : "";
const own = /^\s*(script-shell|node-options|ignore-scripts)/m.test(settings);
if (own || typeof scripts[name] !== "string" || scripts["post" + name]) process.exit(1);
const above = (folder) =>
  folder === path.dirname(folder) ? [folder] : [folder, ...above(path.dirname(folder))];
const variables = {
  NODE: process.execPath,
  INIT_CWD: here,
  PATH: [...above(here).map((folder) => path.join(folder, "node_modules/.bin")), process.env.PATH].join(":"),
  npm_command: name === "start" ? "start" : "run-script",
  npm_execpath: path.join(path.dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js"),
  npm_lifecycle_event: name,
  npm_lifecycle_script: scripts[name],
  npm_node_execpath: process.execPath,
  npm_package_json: path.join(here, "package.json"),
  npm_package_name: app ?? "",
  npm_package_version: version ?? "",
};
for (const [key, value] of Object.entries(config ?? {}))
  if (/^\w+$/.test(key) && typeof value !== "object") variables["npm_package_config_" + key] = String(value);
const quoted = (text) => "\x27" + text.replaceAll("\x27", "\x27\\\x27\x27") + "\x27";
for (const [key, value] of Object.entries(variables)) console.log("export " + key + "=" + quoted(value));
const before = scripts["pre" + name];
if (before) console.log("npm_lifecycle_event=pre" + name + " bash -c " + quoted(before) + " || exit");
console.log("slipway_command=" + quoted(scripts[name]));
