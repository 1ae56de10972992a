/** The mark: a mast with its stays. */
export function Mark({ size = 18 }: { size?: number }) {
  return (
    <svg viewBox="0 0 16 16" width={size} height={size} aria-hidden="true">
      <rect width="16" height="16" rx="4" fill="#4f5ce6" />
      <path
        d="M8 2.6v9M8 3.2 3.4 11.6M8 3.2l4.6 8.4M2.8 12.9h10.4"
        fill="none"
        stroke="#fff"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
