export { metricsHandler, readinessHandler, type NodeRequest, type NodeResponse } from "./node.ts";
