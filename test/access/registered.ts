// Lists the routes that an Express app has registered.

interface Layer {
  readonly handle: unknown;
  readonly route?: { readonly path: string; readonly methods: Readonly<Record<string, boolean>> };
}

/** `METHOD path` of each route, without the prefixes of its routers. */
export function registeredRoutes(app: { readonly router: unknown }): string[] {
  return routesIn(app.router);
}

function routesIn(router: unknown): string[] {
  return layersOf(router).flatMap(({ route, handle }) =>
    route === undefined
      ? routesIn(handle)
      : Object.keys(route.methods).map((method) => `${method} ${route.path}`),
  );
}

/** A mounted Express app does not expose its router. Slipway mounts only routers. */
function layersOf(router: unknown): readonly Layer[] {
  const stack: unknown = typeof router === "function" && "stack" in router ? router.stack : undefined;
  return Array.isArray(stack) ? (stack as Layer[]) : [];
}
