export { meshBroker, type MeshBrokerOptions } from "./mesh-broker.ts";
