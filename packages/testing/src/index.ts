export type { AdapterRoute, AdapterSetup, Capabilities, Capability, RunningServer } from "./adapter-setup.ts";
export { describeAdapter } from "./adapter-suite.ts";
export { Channel } from "./channel.ts";
export { closePayload, encodeClientFrame, Opcode, type FrameInit } from "./client-frame.ts";
export type { HandshakeInit, HeaderInit } from "./handshake-request.ts";
export { HttpAnswer } from "./http-answer.ts";
export { rawRequest } from "./raw-request.ts";
export type { Frame } from "./server-frames.ts";
export { WireClient, type WireClientOptions, type WireClose, type WireMessage } from "./wire-client.ts";
