import { roleName } from "./names.ts";

/** The TCP ports that roles listen on. */
export const ports = { proxy: 8080, job_api: 8082, transfer: 8083, devchain: 9944 } as const;

/** The URL of the job API on a challenge's network. */
export const jobApiUrl = `http://${roleName("broker")}:${ports.job_api}`;
/** The URL of the transfer routes on the stagers' network. */
export const transferUrl = `http://${roleName("broker")}:${ports.transfer}`;
/** The URL of the proxy for a submitter of this installation. */
export const proxyUrl = `http://${roleName("proxy")}:${ports.proxy}`;
/** The URL of the development chain for the roles of this installation. */
export const devchainUrl = `ws://${roleName("devchain")}:${ports.devchain}`;
