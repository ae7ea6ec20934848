! Heat conduction in a box, explicit Euler, one moving source: the smallest coupled Fortran simulation.
!   heat [nodes per axis] [output steps] [run] [endpoint]
program heat
  use, intrinsic :: iso_c_binding, only: c_double, c_int64_t
  use gaussitu
  implicit none
  integer, parameter :: solver_steps = 10
  real(c_double), parameter :: diffusion = 0.15_c_double
  integer :: n, steps, step, i, status
  character(200) :: run, endpoint
  real(c_double), allocatable :: T(:, :, :), flux(:, :, :)
  real(c_double) :: time
  type(gaussitu_client) :: client
  type(gaussitu_grid) :: grid
  type(gaussitu_status) :: final

  n = number_argument(1, 32)
  steps = number_argument(2, 5)
  run = "heat"
  if (command_argument_count() >= 3) call get_command_argument(3, run)
  endpoint = ""
  if (command_argument_count() >= 4) call get_command_argument(4, endpoint)

  allocate (T(n, n, n), flux(n, n, n))
  T = 300
  flux = 0
  time = 0

  status = client%open(run=run, endpoint=endpoint)
  if (status /= gaussitu_ok) print '(2a)', "heat: not coupled: ", client%error()
  grid%dims = int(n, c_int64_t)
  status = client%define_uniform("box", 0, grid, [0d0, 0d0, 0d0], [1d-2, 1d-2, 1d-2])

  do step = 0, steps - 1
    do i = 1, solver_steps
      call advance
    end do
    status = client%begin_step(step, time)
    status = client%put("temperature", "box", 0, T, units="K")
    status = client%end_step()
    if (status /= gaussitu_ok) print '(a,i0,2a)', "heat: step ", step, ": ", client%error()
    print '(a,i4,a,f8.3)', "step ", step, "  hottest ", maxval(T)
  end do

  status = client%flush(600d0)
  final = client%status()
  status = client%close(1d0)
  print '(i0,a,i0,a)', final%steps_acknowledged, " of ", final%steps_ended, " steps durable"
  if (status /= gaussitu_ok) then
    print '(2a)', "heat: ", client%error()
    stop 1
  end if

contains

  subroutine advance
    integer :: x, y, z, s
    do concurrent (z = 2:n - 1, y = 2:n - 1, x = 2:n - 1)
      flux(x, y, z) = T(x - 1, y, z) + T(x + 1, y, z) + T(x, y - 1, z) + T(x, y + 1, z) + T(x, y, z - 1) &
        + T(x, y, z + 1) - 6 * T(x, y, z)
    end do
    T = T + diffusion * flux
    s = n / 2 + nint(n / 4 * sin(time))
    T(s, n / 2, n / 2) = T(s, n / 2, n / 2) + 50
    time = time + 0.05_c_double
  end subroutine

  integer function number_argument(position, default) result(value)
    integer, intent(in) :: position, default
    character(32) :: text
    value = default
    if (command_argument_count() < position) return
    call get_command_argument(position, text)
    read (text, *) value
  end function

end program
