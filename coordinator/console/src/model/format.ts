// Numbers and messages as people read them.

const integer = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** With a true minus sign, which is as wide as a digit. */
export function fixed(value: number, digits: number): string {
  return value.toFixed(digits).replace("-", "−");
}

export function count(value: number): string {
  return integer.format(value);
}

export function decimal(value: number): string {
  return oneDigit.format(value);
}

export function percent(part: number): string {
  return part > 0 && part < 0.005 ? "< 1 %" : `${Math.round(part * 100)} %`;
}

/** A count and its noun, which takes an s unless there is one. */
export function many(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

export function millis(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

export function micros(value: number): string {
  return millis(value / 1000);
}

/** 984,192 is 984 K. */
export function large(value: number): string {
  const units: [number, string][] = [[1e9, "B"], [1e6, "M"], [1e3, "K"]];
  const unit = units.find(([size]) => value >= size);
  return unit === undefined ? count(value) : `${(value / unit[0]).toPrecision(3)} ${unit[1]}`;
}

export function seconds(value: number): string {
  if (value < 60) return `${decimal(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min`;
  return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
}

export function sentence(text: string): string {
  const first = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
