import type { Readable } from "node:stream";
import Docker from "dockerode";
import { limits } from "../schemas/limits.ts";
import { EngineError, type EngineFault, type RegistryAuth } from "./engine.ts";

export interface CallOptions {
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly auth?: RegistryAuth | undefined;
  readonly file?: string;
  /** Ends the call and its stream; without a signal, `limits.engine.call_ms_max` ends the call. */
  readonly signal?: AbortSignal;
}

export interface DockerCall {
  json<T>(method: "GET" | "POST" | "DELETE", path: string, options?: CallOptions): Promise<T>;
  /** The answer's body as it comes; destroyed by `signal`. */
  stream(
    method: "GET" | "POST",
    path: string,
    options: CallOptions & { readonly signal: AbortSignal },
  ): Promise<Readable>;
}

const accepted = { 200: true, 201: true, 202: true, 204: true, 304: true } as const;

/** Calls to the Engine API at `version` over a unix socket, through dockerode's modem, with our errors. */
export function createDockerCall(socketPath: string, version?: string): DockerCall {
  const { modem } = new Docker({ socketPath, ...(version ? { version: `v${version}` } : {}) });
  const dial = <T>(method: string, path: string, isStream: boolean, options: CallOptions) =>
    new Promise<T>((resolve, reject) => {
      modem.dial(
        {
          method,
          path: `${path}?`,
          isStream,
          statusCodes: accepted,
          options: { _query: options.query ?? {}, _body: options.body ?? {} },
          abortSignal: options.signal ?? AbortSignal.timeout(limits.engine.call_ms_max),
          ...(options.auth ? { authconfig: options.auth } : {}),
          ...(options.file ? { file: options.file } : {}),
        } as unknown as Parameters<typeof modem.dial>[0],
        (error: unknown, data: unknown) => (error ? reject(engineError(error)) : resolve(data as T)),
      );
    });
  return {
    json: (method, path, options = {}) => dial(method, path, false, options),
    stream: (method, path, options) => dial<Readable>(method, path, true, options),
  };
}

const faults: Readonly<Record<number, EngineFault>> = {
  400: "refused",
  403: "refused",
  404: "not_found",
  406: "refused",
  409: "conflict",
};

function engineError(cause: unknown): EngineError {
  const { statusCode, json, message } = cause as { statusCode?: number; json?: { message?: string }; message?: string };
  const text = json?.message ?? message ?? "no answer";
  if (text.includes("update out of sequence")) return new EngineError("conflict", text, { cause });
  // Engine 26.1 answers 500 for a service on a network that does not exist.
  if (/^network \S+ not found$/.test(text)) return new EngineError("not_found", text, { cause });
  return new EngineError(faults[statusCode ?? 0] ?? "unavailable", text, { cause });
}
