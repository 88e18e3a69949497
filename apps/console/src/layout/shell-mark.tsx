// The logo of Slipway.

/** The logo: a ship on its slipway. */
export function Mark() {
  return (
    <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="currentColor" />
      <path d="M6 21 26 13v4L6 25z" fill="var(--surface)" />
      <path d="M12 15h10l-2.5-5h-5z" fill="var(--surface)" opacity="0.75" />
    </svg>
  );
}
