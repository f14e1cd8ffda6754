# Right on every case.
{
  n = $1
  steps = 0
  while (n > 1) {
    n = n % 2 ? 3 * n + 1 : n / 2
    steps++
  }
  print steps
}
