// The routes of the console's pages. Code that only some pages need is loaded with these pages.

import { Link, createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { appQuery, deploymentQuery } from "./api/queries.ts";
import { queryClient } from "./api/query-client.ts";
import { Shell } from "./layout/shell.tsx";
import { AppLayout } from "./pages/app.tsx";
import { AppsPage } from "./pages/apps.tsx";
import { DeploymentsPage } from "./pages/deployments.tsx";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });
const apps = createRoute({ getParentRoute: () => root, path: "/", component: AppsPage });
const deployment = createRoute({
  getParentRoute: () => root,
  path: "/apps/$app/deployments/$deployment",
  // The log is requested once these queries are loaded; they are loaded while the page's code is loaded.
  loader: ({ params: { app: name, deployment: id } }) => {
    void queryClient.prefetchQuery(deploymentQuery(name, id));
    void queryClient.prefetchQuery(appQuery(name));
  },
  component: lazyRouteComponent(() => import("./pages/deployment.tsx"), "DeploymentPage"),
});
const app = createRoute({ getParentRoute: () => root, path: "/apps/$app", component: AppLayout });
const deployments = createRoute({ getParentRoute: () => app, path: "/", component: DeploymentsPage });
const containers = createRoute({
  getParentRoute: () => app,
  path: "/containers",
  component: lazyRouteComponent(() => import("./pages/containers.tsx"), "ContainersPage"),
});
const variables = createRoute({
  getParentRoute: () => app,
  path: "/variables",
  component: lazyRouteComponent(() => import("./pages/variables.tsx"), "VariablesPage"),
});
const collaborators = createRoute({
  getParentRoute: () => app,
  path: "/collaborators",
  component: lazyRouteComponent(() => import("./pages/collaborators.tsx"), "CollaboratorsPage"),
});
const notifiers = createRoute({
  getParentRoute: () => app,
  path: "/notifiers",
  component: lazyRouteComponent(() => import("./pages/notifiers.tsx"), "NotifiersPage"),
});
const settings = createRoute({
  getParentRoute: () => app,
  path: "/settings",
  component: lazyRouteComponent(() => import("./pages/settings.tsx"), "SettingsPage"),
});
const workers = createRoute({
  getParentRoute: () => root,
  path: "/operator/workers",
  component: lazyRouteComponent(() => import("./operator/workers.tsx"), "WorkersPage"),
});
const queue = createRoute({
  getParentRoute: () => root,
  path: "/operator/queue",
  component: lazyRouteComponent(() => import("./operator/queue.tsx"), "QueuePage"),
});
const failures = createRoute({
  getParentRoute: () => root,
  path: "/operator/failures",
  component: lazyRouteComponent(() => import("./operator/failures.tsx"), "FailuresPage"),
});
const users = createRoute({
  getParentRoute: () => root,
  path: "/operator/users",
  component: lazyRouteComponent(() => import("./operator/users.tsx"), "UsersPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([
    apps,
    deployment,
    app.addChildren([deployments, containers, variables, collaborators, notifiers, settings]),
    workers,
    queue,
    failures,
    users,
  ]),
  basepath: new URL(document.baseURI).pathname,
  defaultPreload: "intent",
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  return (
    <div className="empty">
      <h1>No such page</h1>
      <p>
        The address leads nowhere. Go to <Link to="/">your apps</Link>.
      </p>
    </div>
  );
}
