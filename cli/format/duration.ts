// What: durations as Open vSwitch writes them. Who: the other formats.

/** Seconds, with milliseconds when there are any, as ofp_print_duration of OVS. */
export function formatDuration(seconds: number): string {
  const milliseconds = Math.floor(seconds * 1000);
  const fraction = milliseconds % 1000;
  const whole = Math.floor(milliseconds / 1000);
  return fraction === 0 ? `${whole}s` : `${whole}.${String(fraction).padStart(3, '0')}s`;
}
