// Rules for the steps of a Dockerfile's build that BuildKit performs itself: fetching URLs, and using images of registries and the engine.
//
// A Dockerfile does not show all of them: a base image may trigger some (ONBUILD), and variables may hide addresses.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { fetchesUrl, imageOfStep } from "@slipway/buildkit/dockerfile";
import { isSameRegistry, SlipwayError } from "@slipway/core";
import { type Destination, isClosed, isOpen } from "@slipway/docker";

export interface StepRules {
  /** Host of the installation's registry. */
  readonly registryHost: string;
  /** Images of the installation that may be used. */
  readonly stacks: readonly string[];
  /** Destinations that are allowed besides the public internet. */
  readonly open: readonly Destination[];
  /** @returns the addresses of a host, null if its name does not exist. @throws {SlipwayError} "registry-unavailable" */
  readonly addressesOf: (host: string) => Promise<readonly string[] | null>;
  /** Checks the size of an image of another registry, by its name with that registry. @throws {SlipwayError} to refuse it. */
  readonly checkPull: (image: string) => Promise<void>;
}

const httpsPort = 443;
/** The engine's configuration may name a mirror of it, so it is not resolved. */
const defaultRegistry = "docker.io";
/** Prefixes of the images that Slipway makes on an engine. */
const ownRepositories = ["docker.io/slipway-", "docker.io/library/slipway-"];

/** @param name of a part of a build, as BuildKit reports it. @throws {SlipwayError} "build-failed" when it must not run. */
export async function checkStep(rules: StepRules, name: string): Promise<void> {
  if (fetchesUrl(name)) throw failed(`the engine would fetch ${name} itself. Fetch it in a RUN step`);
  const image = imageOfStep(name);
  if (image !== null && image !== "scratch") await checkImage(rules, image);
}

/**
 * @param name of an image that the engine would fetch.
 * @throws {SlipwayError} "build-failed" when it must not fetch it; "registry-unavailable" when the registry cannot be resolved.
 */
export async function checkImage(rules: StepRules, name: string): Promise<void> {
  const image = fullName(name).toLowerCase();
  const { registryHost, stacks } = rules;
  if (stacks.some((stack) => isImage(image, stack.toLowerCase()))) return;
  const host = hostOf(image);
  if (isSameRegistry(host, registryHost) || ownRepositories.some((own) => image.startsWith(own)))
    throw failed(`${image} is an image of this installation; only ${stacks[0]} may be used`);
  if (host !== defaultRegistry) await checkHost(rules, image, host);
  await rules.checkPull(fullName(name));
}

/** Resolves each host once for a build. */
export function openAddresses(): StepRules["addressesOf"] {
  const found = new Map<string, ReturnType<StepRules["addressesOf"]>>();
  return (host) => {
    const addresses = found.get(host) ?? resolve(host);
    found.set(host, addresses);
    return addresses;
  };
}

async function resolve(host: string): Promise<readonly string[] | null> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTFOUND") return null;
    throw new SlipwayError("registry-unavailable", `the registry ${host} cannot be resolved`, {
      cause: error,
    });
  }
}

/** The name that the engine gives to an image of the default registry. */
function fullName(image: string): string {
  if (hasHost(image)) return image;
  return `${defaultRegistry}/${image.includes("/") ? "" : "library/"}${image}`;
}

function isImage(image: string, name: string): boolean {
  return image === name || image.startsWith(`${name}@`);
}

/** As the engine decides it: no repository has upper-case letters, so a first part that has some is a host. */
function hasHost(image: string): boolean {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (/[.:]|^localhost$/.test(first) || first !== first.toLowerCase());
}

/** The registry's host and port. */
function hostOf(image: string): string {
  return image.slice(0, image.indexOf("/"));
}

/** The engine connects to any of the host's addresses, so none may be closed. */
async function checkHost({ open, addressesOf }: StepRules, image: string, host: string): Promise<void> {
  const [, bracketed, plain = "", port] = /^(?:\[(.+)\]|([^:]*))(?::(\d+))?$/.exec(host) ?? [];
  const name = bracketed ?? plain;
  const notPublic = failed(`${image} is in a registry that is not on the public internet`);
  if (name === "localhost" || name.endsWith(".localhost")) throw notPublic;
  const addresses = isIP(name) === 0 ? await addressesOf(name) : [name];
  if (addresses === null) throw failed(`${image} is in a registry whose name does not exist`);
  const isAllowed = (address: string) =>
    isOpen(open, address, Number(port ?? httpsPort)) || !(isClosed(address) || isOfThisMachine(address));
  if (!addresses.every(isAllowed)) throw notPublic;
}

/** Whether it is an address of this machine, which may be public, while services on it are not. */
function isOfThisMachine(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));
}

function failed(message: string): SlipwayError {
  return new SlipwayError("build-failed", message);
}
