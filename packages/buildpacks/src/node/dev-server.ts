// Recognizes scripts of package.json that start the development server of a front end.

import { programOf, scriptOf, scriptRunners } from "./script-programs.ts";

type Scripts = Readonly<Record<string, string>>;
/** Decides whether a program with these arguments starts its development server. */
type Check = (words: readonly string[]) => boolean;

/** Matches if the first argument is one of these commands; "" stands for no command. */
const command =
  (...names: readonly string[]): Check =>
  (words) =>
    names.includes(words.find((word) => !word.startsWith("-")) ?? "");
/** Matches any arguments, including files and folders, except these commands. */
const anyExcept =
  (...names: readonly string[]): Check =>
  (words) =>
    !names.some((name) => words[0] === name);
const option =
  (name: string): Check =>
  (words) =>
    words.includes(name);

/** Development servers of front ends. `next dev` and the like are not included: their apps have a server. */
const devServers: ReadonlyMap<string, Check> = new Map([
  ["react-scripts", command("start")],
  ["react-app-rewired", command("start")],
  ["craco", command("start")],
  ["ng", command("serve", "s", "dev")],
  ["vue-cli-service", command("serve", "")],
  ["vite", anyExcept("build", "optimize")],
  ["astro", command("dev", "preview", "start")],
  ["gatsby", command("develop", "serve")],
  ["parcel", anyExcept("build", "watch")],
  ["webpack", command("serve", "server", "s")],
  ["webpack-cli", command("serve", "server", "s")],
  ["webpack-dev-server", anyExcept()],
  ["rspack", command("serve", "server", "dev")],
  ["rsbuild", command("dev", "preview", "")],
  ["docusaurus", command("start", "serve")],
  ["svelte-kit", command("dev", "preview")],
  ["vitepress", command("dev", "serve", "preview")],
  ["vuepress", command("dev", "serve")],
  ["eleventy", option("--serve")],
  ["ember", command("serve", "server", "s")],
  ["ionic", command("serve")],
  ["quasar", command("dev")],
  ["stencil", option("--serve")],
  ["storybook", command("dev")],
  ["start-storybook", anyExcept()],
  ["snowpack", command("dev")],
  ["hexo", command("server", "s")],
  ["web-dev-server", anyExcept()],
  ["wds", anyExcept()],
]);

/**
 * @param name name of a script.
 * @returns whether its last command is a development server and no other command serves: an unknown command counts as a server.
 */
export function startsDevServer(scripts: Scripts, name: string): boolean {
  return endsWithDevServer(scripts, name, new Set());
}

function endsWithDevServer(scripts: Scripts, name: string, seen: ReadonlySet<string>): boolean {
  const text = scripts[name] ?? "";
  if (text === "" || seen.has(name)) return false;
  const steps = text.split(/&&|;/);
  // The script runs several programs at once, and one of them may be a server.
  if (steps.some((step) => /[&|]/.test(step))) return false;
  const call = programOf(steps.at(-1) ?? "");
  const [program, ...words] = call;
  if (scriptRunners.has(program)) {
    const script = scriptOf(call);
    return script !== undefined && endsWithDevServer(scripts, script, new Set([...seen, name]));
  }
  return devServers.get(program)?.(words) ?? false;
}
