import { createHttpApp } from "#shared/http/app.ts";
import { hidePluginPage } from "#shared/http/document.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { AdminWorld } from "./admin-world.ts";
import { createAuthenticator } from "./authenticate.ts";
import { adminDocument } from "./document.ts";
import { challengeRoutes } from "./routes/challenge.ts";
import { epochRoutes } from "./routes/epoch.ts";
import { lifecycleRoutes } from "./routes/lifecycle.ts";
import { nodeRoutes } from "./routes/node.ts";
import { observationRoutes } from "./routes/observation.ts";
import { type Pages, pageRoutes } from "./routes/page.ts";
import { publicRoutes } from "./routes/public.ts";
import { registryAccountRoutes } from "./routes/registry-account.ts";
import { tokenRoutes } from "./routes/token.ts";

export interface AppWorld extends Omit<AdminWorld, "callerOf"> {
  readonly log: Logger;
  readonly pages: Pages;
}

/** Everything on admin.sock: the admin routes, the public reads, the API's documents and the dashboard. */
export function createAdminApp(given: AppWorld) {
  const authenticator = createAuthenticator(given.sql);
  const world: AdminWorld = { ...given, callerOf: authenticator.callerOf };
  return createHttpApp(given.log)
    .use(hidePluginPage)
    .onRequest(({ request }) => authenticator.admit(request))
    .use(challengeRoutes(world))
    .use(lifecycleRoutes(world))
    .use(registryAccountRoutes(world))
    .use(tokenRoutes(world))
    .use(observationRoutes(world))
    .use(nodeRoutes(world))
    .use(epochRoutes(world))
    .use(publicRoutes(world))
    .use(adminDocument())
    .use(pageRoutes(given.pages));
}

/** Everything on public.sock: the public reads, nothing else. */
export function createPublicApp({ log, ...world }: Pick<AppWorld, "sql" | "clock" | "netuid" | "log">) {
  return createHttpApp(log).use(publicRoutes(world));
}
