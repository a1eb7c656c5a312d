export { decodeBody, decodeEnvelope } from "./decode.ts";
export { encodeBody, encodeEnvelope, engineHead, type EngineHead } from "./encode.ts";
export {
  ENVELOPE_VERSION,
  type ControlEnvelope,
  type Envelope,
  type EnvelopeItem,
  type NewerEnvelope,
  type PublicationsEnvelope,
  type SenderTop,
  type TopsEnvelope,
} from "./envelope.ts";
export { SenderNumbers, type SenderNumbersOptions, type Taken } from "./sender-numbers.ts";
export { SenderTops } from "./sender-tops.ts";
