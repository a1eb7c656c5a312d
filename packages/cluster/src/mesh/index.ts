export { meshBroker } from "./mesh-broker.ts";
export type { MeshBrokerOptions } from "./options.ts";
