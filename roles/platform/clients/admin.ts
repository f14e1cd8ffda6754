import { ProblemError } from "#shared/http/problem.ts";
import { readJson } from "#shared/json/read-json.ts";
import { readSecret, secretPath } from "../install/host-files.ts";
import { installationPorts } from "../plan/installation-file.ts";

export interface AdminClient {
  /**
   * Sends one request and returns the JSON of the answer.
   *
   * @throws ProblemError with the API's code and sentence when it refuses
   */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
}

const answer_ms_max = 30_000;

/**
 * A client of the admin API at 127.0.0.1. Port and token are those of this machine's installation, unless they are given.
 *
 * @throws Error when the installation has no admin token
 */
export function connectAdmin(port = installationPorts().admin, token = readSecret("admin_token")): AdminClient {
  if (!token) throw new Error(`there is no admin token in ${secretPath("admin_token")}: run \`platform up\` first`);
  return {
    async call(method, path, body) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        signal: AbortSignal.timeout(answer_ms_max),
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.ok) return JSON.parse(text || "null");
      const problem = parseProblem(text);
      throw new ProblemError(
        response.status,
        problem.code ?? "unknown",
        problem.detail ?? `the admin API answered ${response.status}`,
      );
    },
  };
}

function parseProblem(text: string): { code?: string; detail?: string } {
  const problem = readJson(text);
  return typeof problem === "object" && problem !== null ? problem : {};
}
