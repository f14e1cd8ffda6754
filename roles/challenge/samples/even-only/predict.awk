# Right on even numbers; 0 is never right, since every case is above 1.
$1 % 2 { print 0; next }
{
  n = $1
  steps = 0
  while (n > 1) {
    n = n % 2 ? 3 * n + 1 : n / 2
    steps++
  }
  print steps
}
