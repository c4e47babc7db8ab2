// What the coordinator's words mean, for people.

export function decidedBy(word: string): string {
  const words: Record<string, string> = {
    none: "nothing was decided",
    nothing: "nothing was decided",
    unopposed: "the only candidate, unscored",
    scores: "everyone’s scores",
    author: "the author’s own certainty",
    blend: "scores and the author’s certainty",
    gate: "the leader was certain, unscored",
    majority: "the final answer of most",
  };
  return words[word] ?? word;
}

export function exitReason(word: string): string {
  const words: Record<string, string> = {
    quality: "its quality fell below the threshold",
    context_full: "its context is full",
    refused: "its chat template refuses these messages",
    failed: "it failed too often",
    budget: "the budget of calls has no room for it",
  };
  return words[word] ?? word;
}

export function missed(outcome: string): string {
  const words: Record<string, string> = { failed: "failed", context_full: "context full", refused: "refused" };
  return words[outcome] ?? outcome;
}

export function ending(reason: string): string {
  const words: Record<string, string> = {
    stop: "complete",
    length: "cut at the longest length",
    failed: "failed",
    stopped: "stopped by you",
  };
  return words[reason] ?? reason;
}
