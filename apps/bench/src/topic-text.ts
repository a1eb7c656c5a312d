/** The topic of all topic cells. */
export const TOPIC = "room:tea";
/** The event in it. */
export const EVENT = "message";
/** As many publications come before the first that is measured, so that all of those have offsets of six digits, and frames one length. */
export const EARLIER = 100_000;

/** A publication of `upwire.v1` up to its text, and what comes behind it. */
export const PUBLICATION: { readonly prefix: string; readonly suffix: string } = {
  prefix: `{"topic":"${TOPIC}","offset":${EARLIER},"type":"${EVENT}","payload":{"text":"`,
  suffix: '"}}',
};

/** What a client sends to have a text published. */
export const PUBLISH: { readonly prefix: string; readonly suffix: string } = {
  prefix: `{"type":"${EVENT}","topic":"${TOPIC}","payload":{"text":"`,
  suffix: '"}}',
};
