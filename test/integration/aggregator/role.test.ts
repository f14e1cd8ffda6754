import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { connectDatabase } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { createEpochs } from "#shared/database/tables/epochs.ts";
import { loadMetagraph } from "#shared/database/tables/metagraph.ts";
import { createWeightsAnswers } from "#shared/database/tables/weights-answers.ts";
import { publicKeyOf, vectorSigningKey, verifySeal } from "#shared/weights/seal.ts";
import { startDevchain } from "../../chain/devchain.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";
import { startRole } from "../../support/worlds/role-process.ts";

const masterKey = "k".repeat(40);
const stack = new AsyncDisposableStack();
let server: TestPostgres;
let chain: Awaited<ReturnType<typeof startDevchain>>;
beforeAll(async () => {
  server = stack.use(await startPostgres());
  chain = await startDevchain();
  stack.defer(() => chain.dispose());
}, 60_000);
afterAll(() => stack.disposeAsync());

const settings = (url: string, more: Record<string, string> = {}) => ({
  PLATFORM_DATABASE_URL: url,
  PLATFORM_MASTER_KEY: masterKey,
  PLATFORM_NETUID: "1",
  ...more,
});

test("the compiled aggregator seals what the compiled admin serves, across a crash of the database and its own", async () => {
  const url = await server.createDatabase();
  const epochSettings = settings(url, { PLATFORM_CHAIN_ENDPOINTS: chain.endpoint, PLATFORM_EPOCH_SECONDS: "1" });
  const sql = connectDatabase(url, "test");
  await using admin = await startRole("admin", settings(url));
  const read = () => fetch("http://a/v1/weights/latest", { unix: join(admin.directory, "public/public.sock") });
  expect((await read()).status).toBe(503);
  // A platform with a past: of one whose challenges never answered nothing is sealed.
  await createWeightsAnswers(sql, 1).record([{ slug: "former", error: null }], new Date());

  const aggregator = await startRole("aggregator", epochSettings);
  const epochs = createEpochs(sql, 1);
  const reached = (epoch: number) =>
    waitFor(async () => ((await epochs.latest())?.epoch ?? 0) >= epoch, {
      deadline_ms: 20_000,
      what: `epoch ${epoch}`,
    });
  await reached(2);
  const served = await (await read()).json();
  expect(verifySeal(served, publicKeyOf(vectorSigningKey(masterKey)))).toBeNull();
  expect([served.uids, served.weights, served.chain_endpoint]).toEqual([[0], [1], chain.endpoint]);
  expect((await loadMetagraph(sql, 1))?.uid_by_hotkey.size).toBeGreaterThan(1);

  await server.restart("SIGKILL");
  const after = (await waitFor(() => epochs.latest(), { what: "the database" })).epoch;
  await reached(after + 2);

  process.kill(aggregator.pid, "SIGKILL");
  await aggregator.stop();
  const before = (await epochs.latest())?.epoch ?? 0;
  await using next = await startRole("aggregator", epochSettings);
  await reached(before + 1);
  const numbers = (await epochs.list(200)).map(({ epoch }) => epoch);
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) - index));
  expect(await next.stop()).toBe(0);
  expect(next.output()).not.toContain(masterKey);
  await sql.end();
}, 90_000);

describe("it is not ready, and says why", () => {
  async function refusal(more: Record<string, string>, words: string, given: (url: string) => Promise<void>) {
    const url = await server.createDatabase();
    await given(url);
    const own = settings(url, { PLATFORM_EPOCH_SECONDS: "1", ...more });
    await using aggregator = await startRole("aggregator", own, "live");
    const readyz = () => fetch("http://ops/readyz", { unix: join(aggregator.directory, "aggregator/ops.sock") });
    const refused = await waitFor(async () => {
      const answer = await readyz();
      const text = await answer.text();
      return answer.status === 503 && text.includes(words) ? text : null;
    });
    const sql = connectDatabase(url, "test");
    expect(await createEpochs(sql, 1).latest()).toBeNull();
    await sql.end();
    return refused;
  }
  const onChain = () => ({ PLATFORM_CHAIN_ENDPOINTS: chain.endpoint });
  const nothing = async () => undefined;

  test("while it has no metagraph", async () => {
    expect(await refusal({}, "no metagraph", nothing)).toContain("no metagraph of subnet 1 was ever read");
  }, 60_000);

  test("while no challenge was ever active in its database, of which it seals nothing", async () => {
    const refused = await refusal(onChain(), "no challenge has ever answered", nothing);
    expect(refused).toContain("no challenge has ever answered in this database, and none is active");
  }, 60_000);

  test("while the active challenges have never answered, which it names", async () => {
    const refused = await refusal(onChain(), "demo:", async (url) => {
      const sql = connectDatabase(url, "test");
      await migrate(sql);
      const spec = { slug: "demo", name: "demo", image: "x/y:1" };
      await sql`insert into challenges (slug, spec, status) values ('demo', ${sql.json(spec)}, 'active')`;
      await sql.end();
    });
    expect(refused).toContain("demo: the challenge cannot be reached");
  }, 60_000);
});
