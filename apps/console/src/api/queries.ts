// The console's queries to the API, each with its key and its polling interval.

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type {
  AppAnswer,
  AppBody,
  CollaboratorBody,
  ContainerTypesAnswer,
  ContainersAnswer,
  DeliveryBody,
  DeploymentAnswer,
  DeploymentsAnswer,
  ListedDeploymentBody,
  NotifierBody,
  PaginationBody,
  QueueAnswer,
  QueueHistoryAnswer,
  ReceiptAnswer,
  ReleasesAnswer,
  SessionAnswer,
  StacksAnswer,
  TimelineAnswer,
  UserBody,
  VariablesAnswer,
  WorkersAnswer,
} from "@slipway/protocol";
import { call, isStatus } from "./client.ts";

const fastPollMs = 2_000;
const slowPollMs = 10_000;

export type Session = SessionAnswer["session"];

/** The path of an app, below /v1. */
export function appPath(app: string, rest = ""): string {
  return `/apps/${encodeURIComponent(app)}${rest}`;
}

/** The answer; null when the API is an older version without the route. */
async function ifServed<Answer>(answer: Promise<Answer>): Promise<Answer | null> {
  try {
    return await answer;
  } catch (error) {
    if (isStatus(error, 404)) return null;
    throw error;
  }
}

/** The logged-in user; null for none. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  staleTime: Infinity,
  queryFn: async (): Promise<Session | null> => {
    try {
      return (await call<SessionAnswer>("GET", "/session")).session;
    } catch (error) {
      if (isStatus(error, 401)) return null;
      throw error;
    }
  },
});

export interface AppsPage {
  readonly apps: readonly AppBody[];
  readonly meta: { readonly pagination: PaginationBody };
}

/** The first part of the key of every page of the list of apps; "apps" with a name is the key of an app. */
export const appListKey = ["app list"] as const;

/** A page of the apps whose names contain the text. The former page stays visible until the new one is loaded. */
export function appsQuery(page: number, name: string) {
  return queryOptions({
    queryKey: [...appListKey, page, name],
    refetchInterval: slowPollMs,
    placeholderData: keepPreviousData,
    queryFn: () => {
      const query = new URLSearchParams({ page: String(page), per_page: "50", name });
      return call<AppsPage>("GET", `/apps?${query}`);
    },
  });
}

export const stacksQuery = queryOptions({
  queryKey: ["stacks"],
  staleTime: Infinity,
  queryFn: async () => (await call<StacksAnswer>("GET", "/features/stacks")).stacks,
});

export function appQuery(app: string) {
  return queryOptions({
    queryKey: ["apps", app],
    refetchInterval: slowPollMs,
    queryFn: async () => (await call<AppAnswer>("GET", appPath(app))).app,
  });
}

export function deploymentsQuery(app: string, page: number) {
  return queryOptions({
    queryKey: ["apps", app, "deployments", page],
    refetchInterval: fastPollMs,
    queryFn: () => call<DeploymentsAnswer>("GET", appPath(app, `/deployments?per_page=30&page=${page}`)),
  });
}

export function deploymentQuery(app: string, id: string) {
  return queryOptions({
    queryKey: ["apps", app, "deployment", id],
    refetchInterval: ({ state }) => (state.data?.finished_at == null ? fastPollMs : false),
    queryFn: async () =>
      (await call<DeploymentAnswer>("GET", appPath(app, `/deployments/${encodeURIComponent(id)}`)))
        .deployment,
  });
}

export function timelineQuery(app: string, id: string) {
  return queryOptions({
    queryKey: ["apps", app, "timeline", id],
    refetchInterval: ({ state }) =>
      state.data === null || state.data?.timeline.finished_at != null ? false : fastPollMs,
    queryFn: () =>
      ifServed(call<TimelineAnswer>("GET", appPath(app, `/deployments/${encodeURIComponent(id)}/timeline`))),
  });
}

/** Null when the build has no receipt. */
export function receiptQuery(app: string, id: string) {
  return queryOptions({
    queryKey: ["apps", app, "receipt", id],
    staleTime: Infinity,
    queryFn: () =>
      ifServed(call<ReceiptAnswer>("GET", appPath(app, `/deployments/${encodeURIComponent(id)}/receipt`))),
  });
}

/** Number of successful deployments that a deployment's phases are compared with. */
const usualCount = 5;

/** The timelines of the app's last successful deployments; none when the API is a version without timelines. */
export function usualTimelinesQuery(app: string) {
  return queryOptions({
    queryKey: ["apps", app, "usual"],
    staleTime: 60_000,
    queryFn: async () => {
      const path = appPath(app, "/deployments?per_page=30&page=1");
      const { deployments } = await call<DeploymentsAnswer>("GET", path);
      const successful = deployments.filter(({ status }) => status === "success").slice(0, usualCount);
      const answers = await Promise.all(
        successful.map(({ id }) =>
          ifServed(call<TimelineAnswer>("GET", appPath(app, `/deployments/${id}/timeline`))),
        ),
      );
      return answers.flatMap((answer) => (answer === null ? [] : [answer.timeline]));
    },
  });
}

export function releasesQuery(app: string) {
  return queryOptions({
    queryKey: ["apps", app, "releases"],
    refetchInterval: slowPollMs,
    queryFn: async () => (await call<ReleasesAnswer>("GET", appPath(app, "/releases"))).releases,
  });
}

export function containersQuery(app: string) {
  return queryOptions({
    queryKey: ["apps", app, "ps"],
    refetchInterval: fastPollMs * 2,
    queryFn: async () => (await call<ContainersAnswer>("GET", appPath(app, "/ps"))).containers,
  });
}

export function scaleQuery(app: string) {
  return queryOptions({
    queryKey: ["apps", app, "scale"],
    queryFn: async () => (await call<ContainerTypesAnswer>("GET", appPath(app, "/containers"))).containers,
  });
}

export function variablesQuery(app: string) {
  return queryOptions({
    queryKey: ["apps", app, "variables"],
    queryFn: async () => (await call<VariablesAnswer>("GET", appPath(app, "/variables"))).variables,
  });
}

export function collaboratorsQuery(app: string) {
  return queryOptions({
    queryKey: ["apps", app, "collaborators"],
    queryFn: async () =>
      (await call<{ collaborators: CollaboratorBody[] }>("GET", appPath(app, "/collaborators")))
        .collaborators,
  });
}

export function notifiersQuery(app: string) {
  return queryOptions({
    queryKey: ["apps", app, "notifiers"],
    queryFn: async () =>
      (await call<{ notifiers: NotifierBody[] }>("GET", appPath(app, "/notifiers"))).notifiers,
  });
}

export function deliveriesQuery(app: string, notifier: string) {
  return queryOptions({
    queryKey: ["apps", app, "notifiers", notifier, "deliveries"],
    refetchInterval: slowPollMs,
    queryFn: async () =>
      (await call<{ deliveries: DeliveryBody[] }>("GET", appPath(app, `/notifiers/${notifier}/deliveries`)))
        .deliveries,
  });
}

export const workersQuery = queryOptions({
  queryKey: ["workers"],
  refetchInterval: fastPollMs * 2,
  queryFn: async () => (await call<WorkersAnswer>("GET", "/workers")).workers,
});

export const queueQuery = queryOptions({
  queryKey: ["queue"],
  refetchInterval: fastPollMs * 2,
  queryFn: () => ifServed(call<QueueAnswer>("GET", "/queue")),
});

export function queueHistoryQuery(hours: number) {
  return queryOptions({
    queryKey: ["queue", "history", hours],
    // A sample is taken each minute.
    refetchInterval: slowPollMs * 3,
    queryFn: () => ifServed(call<QueueHistoryAnswer>("GET", `/queue/history?hours=${hours}`)),
  });
}

export interface AllDeployments {
  readonly deployments: readonly ListedDeploymentBody[];
  readonly meta: { readonly pagination: PaginationBody };
}

export function failuresQuery(page: number) {
  return queryOptions({
    queryKey: ["failures", page],
    refetchInterval: slowPollMs,
    queryFn: () => {
      const statuses = "build-error,crashed-error,timeout-error,hook-error";
      return ifServed(
        call<AllDeployments>("GET", `/deployments?status=${statuses}&per_page=30&page=${page}`),
      );
    },
  });
}

export function usersQuery(page: number) {
  return queryOptions({
    queryKey: ["users", page],
    queryFn: () =>
      call<{ users: UserBody[]; meta: { pagination: PaginationBody } }>(
        "GET",
        `/users?per_page=50&page=${page}`,
      ),
  });
}
