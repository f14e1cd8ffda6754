import { roleName } from "./names.ts";

/** The TCP ports that roles listen on. */
export const ports = { proxy: 8080, job_api: 8082, transfer: 8083, devchain: 9944 } as const;

/** Where challenges find the job API, on their network. */
export const jobApiUrl = `http://${roleName("broker")}:${ports.job_api}`;
/** Where stagers find the transfer routes, on theirs. */
export const transferUrl = `http://${roleName("broker")}:${ports.transfer}`;
/** Where a submitter of this installation finds the public door. */
export const proxyUrl = `http://${roleName("proxy")}:${ports.proxy}`;
/** The development chain, for the roles of this installation. */
export const devchainUrl = `ws://${roleName("devchain")}:${ports.devchain}`;
