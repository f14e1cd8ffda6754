import { createDocument } from "#shared/http/document.ts";

/** The admin API's OpenAPI document. */
export const adminDocument = () =>
  createDocument({
    title: "Platform admin API",
    description: "Administers the challenges of one subnet. Every change is written to a hash-chained audit log.",
    tags: {
      challenges: "The registry",
      tokens: "Admin tokens",
      status: "What runs",
      nodes: "The Swarm's nodes, and what is wanted of them",
      epochs: "Sealed weights and what they were made of",
      audit: "Who did what",
      public: "What everyone may read through the proxy",
    },
    security: { admin_token: { type: "http", scheme: "bearer", description: "an admin token" } },
  });
