export interface Rule {
  readonly rule: string;
  readonly found?: string | number;
  readonly limit?: number;
  readonly breaches: readonly string[];
}

export interface Judgement {
  readonly rules: readonly Rule[];
  readonly sizes: readonly (readonly [what: string, figure: string])[];
}

export function judge(root: string): Judgement;
