import { ProblemError, problemResponse } from "#shared/http/problem.ts";

interface RoutedApp {
  readonly routes: readonly { readonly method: string; readonly path: string }[];
  handle(request: Request): Response | Promise<Response>;
}

/** The app, which answers 405 with `Allow` where its path is known and the method is not: Elysia itself says that nothing is there. */
export function declaredMethods(app: RoutedApp): Pick<RoutedApp, "handle"> {
  const routes = app.routes.map(({ method, path }) => ({ method, form: formOf(path) }));
  return {
    handle(request) {
      const { pathname } = new URL(request.url);
      const allowed = routes.filter(({ form }) => form.test(pathname)).map(({ method }) => method);
      if (allowed.length === 0 || allowed.includes(request.method)) return app.handle(request);
      const detail = `This path takes ${[...new Set(allowed)].join(" and ")} alone.`;
      const failure = new ProblemError(405, "method_not_allowed", detail, { headers: { allow: allowed.join(", ") } });
      return problemResponse(failure, request.headers.get("x-request-id") ?? "");
    },
  };
}

/** A path as Elysia writes it, a name behind a colon standing for one segment. */
function formOf(path: string): RegExp {
  const segments = path.split("/").map((segment) => (segment.startsWith(":") ? "[^/]+" : RegExp.escape(segment)));
  return new RegExp(`^${segments.join("/")}/?$`);
}
