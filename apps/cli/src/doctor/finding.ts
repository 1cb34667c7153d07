/** How bad it is: `high` needs somebody now, `low` only explains. */
type Severity = 'high' | 'medium' | 'low';

/** Something that is wrong, in sentences. */
export interface Finding {
  readonly severity: Severity;
  /** Stable, for programs. */
  readonly code: string;
  /** `undefined`: of Redis or of the servers. */
  readonly queue?: string | undefined;
  readonly problem: string;
  /** What to do. */
  readonly advice: string;
}

const WEIGHTS: Readonly<Record<Severity, number>> = { high: 0, medium: 1, low: 2 };

/** The worst first. */
export const inOrder = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted((one, other) => WEIGHTS[one.severity] - WEIGHTS[other.severity]);
