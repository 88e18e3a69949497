// Finds the file that lists a Python app's dependencies, and decides whether they can be installed without the app's source.

import { normalizedName, requirementLines } from "@slipway/lock-files";
import { decisiveVariables, installDigest, namesSourceFile } from "../install-inputs.ts";
import type { Install, LanguageSource } from "../language.ts";
import {
  fieldOf,
  jsonOf,
  stringOf,
  stringsOf,
  type Table,
  tableOf,
  tablesOf,
  textOf,
  tomlOf,
} from "../documents.ts";

/** A way to list dependencies, identified by its file. */
export type DependencyFile =
  | "uv.lock"
  | "poetry.lock"
  | "Pipfile.lock"
  | "requirements.txt"
  | "pyproject.toml"
  | "setup.py";

/** In order of precedence: lock files before lists. */
const dependencyFiles: readonly DependencyFile[] = [
  "uv.lock",
  "poetry.lock",
  "Pipfile.lock",
  "requirements.txt",
  "pyproject.toml",
  "setup.py",
];
/** Files that a lock file needs beside it. */
const companions: Readonly<Record<string, string>> = {
  "uv.lock": "pyproject.toml",
  "poetry.lock": "pyproject.toml",
  "Pipfile.lock": "Pipfile",
};

export interface Dependencies {
  readonly file: DependencyFile;
  /** Normalized package names, as far as they are known without resolving dependencies. */
  readonly names: ReadonlySet<string>;
  /** Null when the installation may need any file of the source. */
  readonly install: Omit<Install, "packageCount"> | null;
}

/** @returns null when the names do not belong to a Python app. */
export function dependencyFile(names: readonly string[]): DependencyFile | null {
  return dependencyFiles.find((name) => names.includes(name)) ?? null;
}

export function planDependencies(source: LanguageSource, project: Table, file: DependencyFile): Dependencies {
  const { names, isApart } = readers[file](source, project);
  const uv = tableOf(fieldOf(project, "tool", "uv"));
  const files = filesOf(source, file, Object.keys(uv).length > 0);
  const isLocal =
    [uv, tomlOf(source, "uv.toml")].some(namesFolders) || namesSourceFile(source, /^(uv|pip)_/i);
  const isKnown = files !== null && isApart && !isLocal && !source.names.includes(".venv/");
  return {
    file,
    names: new Set(names.map(requiredName)),
    install: isKnown
      ? {
          folder: ".venv",
          workspace: null,
          files,
          hasBuildPackages: false,
          digest: digestOf(files, source.variables),
        }
      : null,
  };
}

interface Listed {
  readonly names: readonly string[];
  /** Whether the dependencies can be installed without the source. */
  readonly isApart: boolean;
}

const readers: Readonly<Record<DependencyFile, (source: LanguageSource, project: Table) => Listed>> = {
  "uv.lock": (source, project) => {
    const packages = tablesOf(tomlOf(source, "uv.lock")["package"]);
    const isSource = ({ source: from }: Table) =>
      ["editable", "directory", "path"].some((kind) => kind in tableOf(from)) ||
      !isRemote(stringOf(tableOf(from), "registry") || "https://") ||
      !["", ".", undefined].includes(tableOf(from)["virtual"] as string | undefined);
    return { names: namesOf(packages), isApart: !packages.some(isSource) && isStatic(project) };
  },
  "poetry.lock": (source) => {
    const packages = tablesOf(tomlOf(source, "poetry.lock")["package"]);
    const isSource = (one: Table) => ["directory", "file"].includes(stringOf(one, "source", "type"));
    return { names: namesOf(packages), isApart: !packages.some(isSource) };
  },
  "Pipfile.lock": (source) => {
    const lock = jsonOf(source, "Pipfile.lock");
    const packages = Object.entries(tableOf(lock["default"]));
    const indexes = tablesOf(fieldOf(lock, "_meta", "sources")).map((index) => stringOf(index, "url"));
    const isSource =
      packages.some(([, one]) => "path" in tableOf(one) || "file" in tableOf(one)) ||
      !indexes.every(isRemote);
    return { names: packages.map(([name]) => name), isApart: !isSource };
  },
  "requirements.txt": (source) => {
    const lines = requirementLines(textOf(source, "requirements.txt"));
    return { names: lines, isApart: lines.every(isFromIndexOrUrl) };
  },
  "pyproject.toml": (_source, project) => {
    const names = [...stringsOf(fieldOf(project, "project", "dependencies")), ...poetryNames(project)];
    // Without a static list, the dependencies are only known by building the project.
    const isListed = "project" in project && isStatic(project) && !hasPathSources(project);
    return { names, isApart: isListed && names.every(isFromIndexOrUrl) };
  },
  "setup.py": () => ({ names: [], isApart: false }),
};

/** The packages that Poetry's own table lists, without Python itself. */
function poetryNames(project: Table): readonly string[] {
  const listed = tableOf(fieldOf(project, "tool", "poetry", "dependencies"));
  return Object.keys(listed).filter((name) => name !== "python");
}

/** @returns the lock file without which the dependencies cannot be installed, and the command that writes it; null otherwise. */
export function missingLock(
  names: readonly string[],
  project: Table,
): { readonly lock: string; readonly listedIn: string; readonly command: string } | null {
  const file = dependencyFile(names);
  if (file === null && names.includes("Pipfile"))
    return { lock: "Pipfile.lock", listedIn: "Pipfile", command: "pipenv lock" };
  // uv installs what the table "project" lists, or builds the project; it does not read Poetry's table.
  const isBuilt = "build-system" in project && fieldOf(project, "tool", "poetry", "package-mode") !== false;
  if (file !== "pyproject.toml" || "project" in project || isBuilt || poetryNames(project).length === 0)
    return null;
  return { lock: "poetry.lock", listedIn: "pyproject.toml", command: "poetry lock" };
}

function namesOf(packages: readonly Table[]): readonly string[] {
  return packages.map((one) => stringOf(one, "name"));
}

/** Whether the project can be read and run without being built. */
function isStatic(project: Table): boolean {
  const dynamic = stringsOf(fieldOf(project, "project", "dynamic"));
  const uv = tableOf(fieldOf(project, "tool", "uv"));
  const isPackage = "build-system" in project && uv["package"] !== false;
  return !dynamic.some((name) => name.endsWith("dependencies")) && !isPackage && !("workspace" in uv);
}

/** Whether uv takes a package from a folder or file of the source instead of an index. */
function hasPathSources(project: Table): boolean {
  const sources = Object.values(tableOf(fieldOf(project, "tool", "uv", "sources")));
  return sources
    .flatMap((one) => (Array.isArray(one) ? tablesOf(one) : [tableOf(one)]))
    .some(
      (one) =>
        ["path", "workspace"].some((kind) => kind in one) || !isRemote(stringOf(one, "git") || "https://"),
    );
}

/** Whether settings of uv use a folder as an index, or as a list of packages. */
function namesFolders(settings: Table): boolean {
  const all = [settings, tableOf(settings["pip"])];
  const urlsOf = (table: Table) => {
    const indexes = tablesOf(table["index"]).map((index) => stringOf(index, "url"));
    const single = ["index-url", "default-index"].map((name) => stringOf(table, name));
    const lists = ["extra-index-url", "find-links"].flatMap((name) => stringsOf(table[name]));
    return [...indexes, ...single.filter((url) => url !== ""), ...lists];
  };
  return !all.flatMap(urlsOf).every(isRemote);
}

/** Options in a list that refer to no file. */
const plainOption =
  /^--(?:no-index|no-binary|only-binary|prefer-binary|pre|require-hashes|trusted-host|use-feature)\b/;
const indexOption = /^(?:-i|--index-url|--extra-index-url)[ =]/;
/** Name, extras, and a URL or versions. A name that ends like an archive's is a file. */
const listedPackage =
  /^(?![\w.-]+\.(?:whl|zip|tar|tgz|tbz|txz|tlz|tar\.\w+)\b)[a-z\d][\w.-]* ?(?:\[[\w., -]*\])? ?(?:@ ?(?<url>\S+)|[(<>=~!][\w.*+!,<>=~() -]*)?(?: ?;.*)?$/i;
const requirementOptions = / --(?:hash|config-settings?|global-option)[ =].*$/;

/** @param line a line of a requirements list. @returns false when uv may read other files of the source for it. */
function isFromIndexOrUrl(line: string): boolean {
  const text = line.replaceAll(/\s+/g, " ").replace(requirementOptions, "");
  if (plainOption.test(text)) return true;
  if (indexOption.test(text)) return isRemote(text.replace(indexOption, "").trim());
  if (isRemote(text)) return true;
  const found = listedPackage.exec(text);
  return found !== null && isRemote(found.groups?.["url"] ?? "https://");
}

/** Whether it is a URL of another machine. A variable in place of a URL may stand for a folder. */
function isRemote(url: string): boolean {
  return /^(?:[a-z]+\+)?(?!file:)[a-z]+:\/\//i.test(url);
}

/** `Flask[async] >= 3` → `flask` */
function requiredName(requirement: string): string {
  const [name = ""] = /^[\w.-]+/.exec(requirement) ?? [];
  return normalizedName(name);
}

/** @returns null when one of the files is not a regular file of acceptable size. */
function filesOf(
  source: LanguageSource,
  file: DependencyFile,
  hasUvSettings: boolean,
): ReadonlyMap<string, Buffer> | null {
  const settings = hasUvSettings ? "pyproject.toml" : undefined;
  const wanted = new Set([file, companions[file], settings, "uv.toml", "poetry.toml"]);
  const files = new Map<string, Buffer>();
  for (const name of wanted) {
    if (name === undefined || !source.names.includes(name)) continue;
    const content = source.read(name);
    if (content === undefined) return null;
    files.set(name, content);
  }
  return files;
}

function digestOf(files: ReadonlyMap<string, Buffer>, variables: Readonly<Record<string, string>>): string {
  const texts = [...files.values()].map((content) => content.toString("utf8"));
  const named = new Set(texts.flatMap((text) => text.match(/(?<=\$\{)\w+(?=\})/g) ?? []));
  const isDecisive = (name: string) => decisiveVariable.test(name) || named.has(name);
  return installDigest(files, decisiveVariables(variables, isDecisive));
}

/** Variables that uv, pip, poetry, pipenv and compilers read. */
const decisiveVariable =
  /^(uv|pip|poetry|pipenv|python|setuptools)_|^(netrc|cc|cxx|cflags|cxxflags|cppflags|ldflags|pkg_config_path)$/i;
