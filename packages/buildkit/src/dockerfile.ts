// Reads a Dockerfile before its build: its arguments, its base images, and the reasons to refuse it.

import { DockerfileParser } from "dockerfile-ast";
import type { Instruction, ModifiableInstruction } from "dockerfile-ast";

export interface DockerfileFacts {
  /** Names of the arguments that the Dockerfile declares. */
  readonly declaredArguments: ReadonlySet<string>;
  /** Reasons to refuse the build: instructions that would bypass the isolation of builds. */
  readonly refusals: readonly string[];
  /**
   * The images that its steps are based on or copy from, except its own stages. Images whose names contain variables without a value
   * are missing: BuildKit reports them later.
   * @param given values of arguments, which override their defaults.
   */
  readonly baseImages: (given: Readonly<Record<string, string>>) => readonly string[];
}

/** Sources that the engine itself fetches, on its host's network. */
const remoteSource = /^(https?:\/\/|git:\/\/|ssh:\/\/|git@|github\.com\/)/i;
/** A frontend has all privileges of a build, so only Docker's own is allowed. */
const officialSyntax = /^(docker\.io\/)?docker\/dockerfile(-upstream)?(:[\w.-]+)?(@sha256:[a-f0-9]{64})?$/;

export function readDockerfile(text: string): DockerfileFacts {
  const instructions = DockerfileParser.parse(text).getInstructions().map(instructionOf);
  const names = instructions
    .filter(({ keyword }) => keyword === "ARG")
    .flatMap(({ words }) => words.map((word) => word.split("=", 1)[0] ?? ""));
  const refusals = instructions
    .map(triggered)
    .filter(({ keyword, words }) => keyword === "ADD" && words.slice(0, -1).some(isRemote))
    .map(
      ({ words }) =>
        `ADD ${words.join(" ")}: the engine would fetch it itself. Fetch it in a RUN step, or use COPY`,
    );
  refusals.push(...syntaxRefusals(text), ...hereDocumentRefusals(text));
  return {
    declaredArguments: new Set(names.filter((name) => !isOfBuildKit(name))),
    refusals,
    baseImages: (given) => imagesIn(instructions, given),
  };
}

function imagesIn(instructions: readonly Read[], given: Readonly<Record<string, string>>): readonly string[] {
  const stages = new Set(["scratch", "context"]);
  const values = new Map<string, string>();
  const images: string[] = [];
  for (const { keyword, words, flags } of instructions) {
    if (keyword === "ARG") for (const word of words) setDefault(values, word);
    const expanded = (name: string) => expand(name, new Map([...values, ...Object.entries(given)]));
    const copied = flags.flatMap((flag) => /^--(?:from=|mount=(?:.*,)?from=)([^,\s]+)/.exec(flag)?.[1] ?? []);
    const [base = "", as, stage] = keyword === "FROM" ? words.filter((word) => !word.startsWith("--")) : [];
    images.push(...[base, ...copied].map(expanded).filter((name) => isImage(name, stages)));
    if (as?.toLowerCase() === "as" && stage !== undefined) stages.add(stage.toLowerCase());
  }
  return images;
}

function setDefault(values: Map<string, string>, word: string): void {
  const [name = "", ...rest] = word.split("=");
  if (rest.length > 0) values.set(name, rest.join("=").replaceAll(/["']/g, ""));
}

/** Replaces `$NAME`, `${NAME}` and `${NAME:-default}`. A variable without a value remains unchanged. */
function expand(name: string, values: ReadonlyMap<string, string>): string {
  return name
    .replaceAll(/["']/g, "")
    .replaceAll(
      /\$\{(\w+)(?::?-([^}]*))?\}|\$(\w+)/g,
      (whole, braced?: string, fallback?: string, plain?: string) =>
        values.get(braced ?? plain ?? "") || (fallback ?? whole),
    );
}

/** Whether a name is an image's and not a stage's. Stages can also be named by their numbers. */
function isImage(name: string, stages: ReadonlySet<string>): boolean {
  return name !== "" && !name.includes("$") && !/^\d+$/.test(name) && !stages.has(name.toLowerCase());
}

/** Parsers of Dockerfiles disagree on where a here-document ends, so the following instructions could not be checked. */
function hereDocumentRefusals(text: string): readonly string[] {
  const found = /<<-?["']?\w+["']?</.exec(text)?.[0];
  return found === undefined ? [] : [`${found}: write a blank after the name of a here-document`];
}

/** Whether BuildKit itself reads the argument: BUILDKIT_SYNTAX names a frontend. */
function isOfBuildKit(name: string): boolean {
  return /^BUILDKIT_/i.test(name);
}

/** BuildKit looks for the frontend in the first lines, which may be comments with `#` or `//`, or JSON. */
function syntaxRefusals(text: string): readonly string[] {
  const [start = "", ...rest] = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const lines = start.startsWith("#!") ? rest : [start, ...rest];
  if (lines[0]?.trimStart().startsWith("{") === true)
    return ["it begins as JSON, which may name a frontend: begin with a comment or an instruction"];
  const directives = lines.slice(
    0,
    lines.findIndex((line) => !/^[\s\u0085]*(#|\/\/)/.test(line)),
  );
  return (directives.length === 0 ? [] : directives)
    .flatMap(
      (line) => /^[\s\u0085]*(?:#|\/\/)[\s\u0085]*syntax[\s\u0085]*=[\s\u0085]*(.*)$/i.exec(line)?.[1] ?? [],
    )
    .map((syntax) => syntax.trim())
    .filter((syntax) => !officialSyntax.test(syntax))
    .map((syntax) => `# syntax=${syntax}: only docker/dockerfile is allowed`);
}

interface Read {
  readonly keyword: string;
  readonly words: readonly string[];
  /** Options before the arguments, such as `--from=builder`. */
  readonly flags: readonly string[];
}

function instructionOf(instruction: Instruction): Read {
  const content = instruction.getArgumentsContent() ?? "";
  const words = jsonWords(content) ?? instruction.getArguments().map((word) => word.getValue());
  const flags =
    "getFlags" in instruction ? (instruction as ModifiableInstruction).getFlags().map(String) : [];
  return { keyword: instruction.getKeyword(), words, flags };
}

/** The arguments of the form `ADD ["source", "target"]`, possibly after options; null for the other form. */
function jsonWords(content: string): readonly string[] | null {
  const start = content.indexOf("[");
  if (start === -1) return null;
  try {
    const words: unknown = JSON.parse(content.slice(start));
    return Array.isArray(words) ? words.map(String) : null;
  } catch {
    return null; // BuildKit reads it as the other form too.
  }
}

/** The instruction that ONBUILD registers for images based on this one. */
function triggered(read: Read): Read {
  const [keyword = "", ...words] = read.words;
  return read.keyword === "ONBUILD" ? { ...read, keyword: keyword.toUpperCase(), words } : read;
}

/** A variable could contain any address, or a part of one. BuildKit removes quotes and escapes anywhere. */
function isRemote(source: string): boolean {
  return source.includes("$") || remoteSource.test(source.replaceAll(/["'\\`]/g, ""));
}

/**
 * Whether BuildKit fetches a URL, other than the context, in this part of a build. Newer frontends name such a part by its
 * instruction, older ones by its URL. @param name of the part, as BuildKit reports it.
 */
export function fetchesUrl(name: string): boolean {
  if (/^\[[^\]]*\] (?:ONBUILD )?ADD\b/i.test(name)) return /(?:https?|git|ssh):\/\/|git@/i.test(name);
  return /^(https?|git|ssh):\/\//i.test(name) && !name.startsWith("http://buildkit-session/");
}

/** @returns the image that a part of a build reads; null for parts that read none. */
export function imageOfStep(name: string): string | null {
  return (
    /^(?:\[[^\]]*\] FROM|\[internal\] load metadata for|resolve image config for|FROM)? ?(?:docker-image:\/\/)?(\S+)/.exec(
      isImageStep(name) ? name : "",
    )?.[1] ?? null
  );
}

function isImageStep(name: string): boolean {
  return /^(?:\[[^\]]*\] FROM|\[internal\] load metadata for|resolve image config for|docker-image:\/\/|FROM) ?\S/.test(
    name,
  );
}
