export { vectorApplication, type VectorApplication } from "./application.ts";
export { runClientVectors, type MakeVectorClient, type VectorClient, type VectorOrder, type VectorReport } from "./run-client-vectors.ts";
export { runServerVectors, type VectorAction, type VectorServer, type VectorSocket } from "./run-server-vectors.ts";
export { readVectors, type Vector, type VectorOptions, type VectorResult, type VectorStep } from "./vector.ts";
