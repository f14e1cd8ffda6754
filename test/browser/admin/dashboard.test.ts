import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { mintAdminToken } from "#shared/database/tables/admin-tokens.ts";
import { systemClock } from "#shared/time/clock.ts";
import { vectorSigningKey } from "#shared/weights/seal.ts";
import { sealEpoch } from "../../../roles/aggregator/seal-epoch.ts";
import { openDoor } from "../../support/fakes/socket-door.ts";
import { projectRoot } from "../../support/runner/suite-list.ts";
import { chainOf, takeLead } from "../../support/worlds/aggregator-world.ts";
import { startBrowser } from "../../support/worlds/browser.ts";
import { startPostgres } from "../../support/worlds/postgres.ts";
import { startRole } from "../../support/worlds/role-process.ts";

const world = new AsyncDisposableStack();
const pictures = join(projectRoot, "dist/test-results");
let origin: string;
let token: string;
let sql: Database;
let databaseUrl: string;
let browser: Awaited<ReturnType<typeof startBrowser>>;

beforeAll(async () => {
  mkdirSync(pictures, { recursive: true });
  const url = await world.use(await startPostgres()).createDatabase();
  databaseUrl = url;
  sql = connectDatabase(url, "test");
  world.defer(() => sql.end());
  await migrate(sql);
  token =
    (await mintAdminToken(sql, { name: "root", scope: "admin", expires_at: new Date(Date.now() + 600_000) })) ?? "";
  const admin = world.use(
    await startRole("admin", {
      PLATFORM_DATABASE_URL: url,
      PLATFORM_MASTER_KEY: "m".repeat(32),
      PLATFORM_NETUID: "1",
      PLATFORM_PROBE_INTERVAL_MS: "500",
    }),
  );
  origin = world.use(await openDoor(join(admin.directory, "admin/admin.sock"))).origin;
  browser = world.use(await startBrowser());
}, 60_000);

afterAll(() => world.disposeAsync());

const call = (method: string, path: string, body?: unknown) =>
  fetch(origin + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** Seals epochs in which the only challenge hangs at its last good weights. */
async function sealEpochs(count: number) {
  const aggregator = {
    sql,
    netuid: 1,
    vector_ttl_ms: 600_000,
    stale_epochs: 10,
    epochs_kept: 100,
    policy: "burn",
  } as const;
  const lead = await takeLead(databaseUrl, 1);
  for (let epoch = 1; epoch <= count; epoch += 1) {
    await sealEpoch(
      {
        ...aggregator,
        clock: systemClock,
        chain: chainOf(["owner", "5Grwva", "5FHneW"]),
        chainEndpoint: "ws://chain",
        signingKey: vectorSigningKey("m".repeat(32)),
        ask: async () =>
          epoch === 1
            ? { ok: true, answer: { weights: { "5Grwva": 1, "5FHneW": 2 }, challenge_epoch: null } }
            : { ok: false, error: "the challenge answered 500" },
        warn: () => undefined,
      },
      lead,
    );
  }
  await lead.release();
}

test("the API's pages come out of the executable, and an operation can be tried on them", async () => {
  const { page, requested, errors } = await browser.open(`${origin}/docs`);
  await page.getByText("Platform admin API").waitFor();
  await page.getByRole("button", { name: "Authorize" }).click();
  await page.getByLabel("auth-bearer-value").fill(token);
  await page.getByLabel("Apply credentials").click();
  await page.getByRole("button", { name: "Close" }).click();

  const create = page.locator("#operations-challenges-postV1AdminChallenges");
  await create.locator(".opblock-summary-control").click();
  await create
    .locator("textarea")
    .fill(JSON.stringify({ slug: "tried", name: "Tried <b>here</b>", image: "x/y:1", emission_percent: 40 }));
  await create.getByRole("button", { name: "Execute" }).click();
  await create.locator(".live-responses-table .response-col_status").getByText("201").waitFor();
  await page.screenshot({ path: join(pictures, "docs.png") });

  expect((await call("GET", "/v1/admin/challenges/tried")).status).toBe(200);
  expect(requested.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:"))).toEqual([]);
  expect(errors).toEqual([]);
}, 60_000);

test("the dashboard shows the challenges to who has a token, to nobody else", async () => {
  await call("POST", "/v1/admin/challenges", {
    slug: "seen",
    name: "Seen by all",
    image: "x/y:2",
    emission_percent: 60,
  });
  await call("POST", "/v1/admin/challenges/seen/activate");
  const { page, requested, errors } = await browser.open(`${origin}/`);
  await page.getByLabel("Admin token").fill("pat_wrong");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("A valid admin token is required.").waitFor();
  expect(await page.getByText("Seen by all").count()).toBe(0);
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await page.screenshot({ path: join(pictures, "sign-in.png") });
  errors.length = 0;

  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Show" }).click();
  const row = page.getByRole("row", { name: /Seen by all/ });
  await row.getByText("not ready").waitFor();
  await row.getByText("it cannot be reached").waitFor();
  await page.getByText("No weights have been sealed yet.").waitFor();

  await sealEpochs(3);
  await page.getByRole("row", { name: /5Grwva.*20\.00 %/ }).waitFor();
  await page.getByRole("row", { name: /burnt.*40\.00 %/ }).waitFor();
  await page.getByText("1 of 1 did not answer").first().waitFor();
  await page.locator(".chart canvas").waitFor();
  await page.screenshot({ path: join(pictures, "dashboard.png"), fullPage: true });
  expect(await page.evaluate(() => localStorage.length)).toBe(0);
  expect(requested.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:"))).toEqual([]);
  expect(requested.some((url) => url.includes(token))).toBe(false);
  // The vector is not sealed yet: the browser reports the 503 as an error by itself.
  expect(errors.filter((error) => !error.includes("503"))).toEqual([]);
}, 60_000);

test("a script of elsewhere does not run on our pages", async () => {
  const { page } = await browser.open(`${origin}/`);
  const ran = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken over'";
        document.body.append(script);
        setTimeout(() => resolve(document.title), 50);
      }),
  );
  expect(ran).toBe("Platform");
});
