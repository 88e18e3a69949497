// Rules for the steps of a Dockerfile's build that BuildKit itself performs: fetching URLs, and using images of registries and the engine.
//
// Not all of these steps are visible in a Dockerfile: a base image may trigger some (ONBUILD), and variables may hide addresses.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { fetchesUrl, imageOfStep } from "@slipway/buildkit/dockerfile";
import { isSameRegistry, SlipwayError } from "@slipway/core";
import { type Destination, isClosed, isOpen } from "@slipway/docker";

export interface StepRules {
  /** Host of the installation's registry. */
  readonly registryHost: string;
  /** Images of the installation that steps may use. */
  readonly stacks: readonly string[];
  /** Allowed destinations besides the public internet. */
  readonly open: readonly Destination[];
  /** @returns the addresses of a host; null if the name does not exist. @throws {SlipwayError} "registry-unavailable" */
  readonly addressesOf: (host: string) => Promise<readonly string[] | null>;
  /**
   * Checks the size of an image in another registry.
   * @param image its name with the registry.
   * @throws {SlipwayError} to reject the image.
   */
  readonly checkPull: (image: string) => Promise<void>;
}

const httpsPort = 443;
/** The engine's configuration may name a mirror of the default registry, so this host is not resolved. */
const defaultRegistry = "docker.io";
/** Prefixes of the images that Slipway creates on an engine. */
const ownRepositories = ["docker.io/slipway-", "docker.io/library/slipway-"];

/** @param name the name of a build step, as BuildKit reports it. @throws {SlipwayError} "build-failed" when the step is not allowed. */
export async function checkStep(rules: StepRules, name: string): Promise<void> {
  if (fetchesUrl(name)) throw failed(`the engine would fetch ${name} itself. Fetch it in a RUN step`);
  const image = imageOfStep(name);
  if (image !== null && image !== "scratch") await checkImage(rules, image);
}

/**
 * @param name the name of an image that the engine would pull.
 * @throws {SlipwayError} "build-failed" when the image is not allowed; "registry-unavailable" when the registry cannot be resolved.
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

/** Resolves each host only once per build. */
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

/** The engine's name for an image of the default registry. */
function fullName(image: string): string {
  if (hasHost(image)) return image;
  return `${defaultRegistry}/${image.includes("/") ? "" : "library/"}${image}`;
}

function isImage(image: string, name: string): boolean {
  return image === name || image.startsWith(`${name}@`);
}

/** Follows the engine's rule: repositories have no upper-case letters, so a first part that contains some is a host. */
function hasHost(image: string): boolean {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (/[.:]|^localhost$/.test(first) || first !== first.toLowerCase());
}

/** The registry's host and port. */
function hostOf(image: string): string {
  return image.slice(0, image.indexOf("/"));
}

/** The engine connects to any of the host's addresses, so all of them must be allowed. */
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

/** Whether the address belongs to this machine. Such an address may be public, but services on it are not. */
function isOfThisMachine(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));
}

function failed(message: string): SlipwayError {
  return new SlipwayError("build-failed", message);
}
