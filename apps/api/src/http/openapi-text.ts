// Texts of the OpenAPI description: tags by resource, and the requirements of each operation.

import { accountPermissions, appPermissions, isAppPermission } from "@slipway/auth";
import { isPermission } from "./route.ts";
import type { RouteFacts } from "./route.ts";

interface Tag {
  readonly name: string;
  readonly description: string;
  /** Path segments of the tag. The last segment of a path that has a tag determines the path's tag. */
  readonly segments: readonly string[];
}

/** Tags in the order of the documentation page. */
const tagTable: readonly Tag[] = [
  {
    name: "Tokens",
    description: "API tokens, and the JWTs that they are exchanged for.",
    segments: ["tokens"],
  },
  { name: "Apps", description: "Apps and their build caches.", segments: ["apps", "caches"] },
  {
    name: "Sources",
    description: "Archives of source code: create a source, then upload the archive to its URL.",
    segments: ["sources"],
  },
  {
    name: "Deployments",
    description: "Create, follow, explain and abort deployments.",
    segments: ["deployments"],
  },
  {
    name: "Releases",
    description: "What deployments made, and what can be deployed again.",
    segments: ["releases"],
  },
  {
    name: "Containers",
    description: "The running containers of an app; scaling and restarting them.",
    segments: ["containers", "ps", "autoscalers", "scale", "restart", "operations"],
  },
  {
    name: "Variables",
    description: "The environment of builds and processes.",
    segments: ["variables"],
  },
  { name: "Collaborators", description: "Users with access to an app.", segments: ["collaborators"] },
  {
    name: "Notifiers",
    description: "Webhooks and GitHub statuses for an app's deployments.",
    segments: ["notifiers", "notification_platforms", "event_types"],
  },
  { name: "Users", description: "Profiles; for operators, all users.", segments: ["users"] },
  {
    name: "Operators",
    description: "The workers and the queue of the installation.",
    segments: ["workers", "queue"],
  },
  {
    name: "Installation",
    description: "What the installation is, and this description.",
    segments: ["regions", "stacks", "openapi.json"],
  },
];

/** Names and descriptions of all tags. */
export const tags = tagTable.map(({ name, description }) => ({ name, description }));

/** @returns the name of the resource that a path belongs to. */
export function tagOf({ path }: Pick<RouteFacts, "path">): string {
  const segments = path.split("/");
  const found = segments
    .toReversed()
    .map((segment) => tagTable.find((tag) => tag.segments.includes(segment)))
    .find((tag) => tag !== undefined);
  // Tokens of a user belong to the tag of users.
  const isOfUser = segments[1] === "users";
  return isOfUser ? "Users" : (found?.name ?? "Installation");
}

/** Describes the operation, the clients that may call it, and the rate limit that applies. */
export function descriptionOf(route: RouteFacts): string {
  const sentences = [
    `${route.summary}.`,
    accessOf(route),
    route.description ?? "",
    route.polled === true ? "Meant to be polled: it counts against the rate limit of polls." : "",
  ];
  return sentences.filter((sentence) => sentence !== "").join(" ");
}

function accessOf({ access }: RouteFacts): string {
  if (access === "anyone") return "No authentication is needed.";
  if (access === "signed-url") return "The signature in the URL is the only credential.";
  if (access === "credentials") return "The credentials are those of HTTP Basic.";
  if (access === "login") return "For any user, by password or token.";
  if (!isPermission(access)) return "";
  const roles: readonly string[] = isAppPermission(access)
    ? appPermissions[access]
    : accountPermissions[access];
  if (roles.includes("member")) return "For any user.";
  return isAppPermission(access) ? `For these roles in the app: ${roles.join(", ")}.` : "For operators.";
}
