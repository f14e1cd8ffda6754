import type { Static } from "@sinclair/typebox";
import type {
  ChallengeResource,
  EpochResource,
  JobsResource,
  NodeResource,
  StatusResource,
} from "#shared/schemas/admin.ts";
import type { PublishedVector } from "#shared/schemas/weights.ts";

const tokenKey = "platform-admin-token";

/** Keeps the token as long as the browser tab is open. It is sent in a header only. */
export const tokenStore = {
  read: () => sessionStorage.getItem(tokenKey),
  write: (token: string) => sessionStorage.setItem(tokenKey, token),
  clear: () => sessionStorage.removeItem(tokenKey),
};

export interface Snapshot {
  readonly status: StatusResource;
  readonly challenges: readonly ChallengeResource[];
  readonly nodes: readonly Static<typeof NodeResource>[];
  readonly jobs: Static<typeof JobsResource>["items"];
  readonly epochs: readonly Static<typeof EpochResource>[];
  readonly vector: PublishedVector | null;
  /** Why there is no vector. */
  readonly vectorProblem: string | null;
}

/** The server refused the token. */
export class TokenRefused extends Error {}

/** Everything that the page shows, read at once. */
export async function readSnapshot(token: string): Promise<Snapshot> {
  const get = (path: string) => read(path, token);
  const [status, challenges, nodes, jobs, epochs, latest] = await Promise.all([
    get("/v1/admin/status"),
    get("/v1/admin/challenges?limit=200"),
    get("/v1/admin/nodes?limit=200"),
    get("/v1/admin/jobs"),
    get("/v1/admin/epochs?limit=60"),
    fetch("/v1/weights/latest"),
  ]);
  const vector = await latest.json();
  return {
    status,
    challenges: challenges.items,
    nodes: nodes.items,
    jobs: jobs.items,
    epochs: epochs.items,
    vector: latest.ok ? vector : null,
    vectorProblem: latest.ok ? null : vector.detail,
  };
}

async function read(path: string, token: string) {
  const response = await fetch(path, { headers: { authorization: `Bearer ${token}` } });
  const body = await response.json();
  if (response.status === 401) throw new TokenRefused(body.detail);
  if (!response.ok) throw new Error(body.detail ?? `the server answered ${response.status}`);
  return body;
}
