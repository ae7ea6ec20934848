! Gaussitu client, Fortran 2003 face of gaussitu.h: ordinary strings and arrays, statuses as in C.
! Arrays must be contiguous; they are copied, so they are free again when a call returns.
module gaussitu
  use, intrinsic :: iso_c_binding
  implicit none
  private

  integer, parameter, public :: gaussitu_ok = 0, gaussitu_dropped = 1, gaussitu_spilled = 2, gaussitu_timeout = 3
  integer, parameter, public :: gaussitu_e_invalid = -1, gaussitu_e_state = -2, gaussitu_e_refused = -3, &
    gaussitu_e_memory = -4, gaussitu_e_disk = -5, gaussitu_e_internal = -6
  integer, parameter, public :: gaussitu_block = 0, gaussitu_drop = 1, gaussitu_spill = 2, gaussitu_off = 3
  integer, parameter, public :: gaussitu_node = 0, gaussitu_cell = 1
  integer, parameter, public :: gaussitu_f32 = 0, gaussitu_f64 = 1, gaussitu_i32 = 6

  !> The structs of gaussitu.h, member for member.
  type, bind(c) :: c_options
    integer(c_size_t) :: size
    type(c_ptr) :: endpoint, run, client
    integer(c_int32_t) :: rank, ranks
    integer(c_int) :: policy
    real(c_double) :: block_seconds
    integer(c_int64_t) :: buffer_bytes
    type(c_ptr) :: spill_dir
    real(c_double) :: liveness_seconds
    integer(c_int32_t) :: checksum
    type(c_ptr) :: meta
    integer(c_size_t) :: meta_count
    type(c_ptr) :: targets
    integer(c_size_t) :: target_count
    integer(c_int32_t) :: ignore_environment
  end type

  type, bind(c) :: c_field
    integer(c_size_t) :: size
    type(c_ptr) :: name, mesh
    integer(c_int64_t) :: block
    integer(c_int) :: association, dtype
    integer(c_int64_t) :: count
    integer(c_int32_t) :: components
    type(c_ptr) :: units
    integer(c_int) :: target_kind
    real(c_double) :: target
  end type

  type, bind(c), public :: gaussitu_grid
    integer(c_int64_t) :: dims(3) = 1, ghost(6) = 0
    integer(c_int64_t) :: start(3) = 0        !< global index of the first node, counted from 0
    integer(c_int64_t) :: global_dims(3) = 0
  end type

  type, bind(c), public :: gaussitu_status
    integer(c_size_t) :: size
    integer(c_int32_t) :: connected, refused
    integer(c_int64_t) :: steps_ended, steps_acknowledged, steps_dropped, steps_rejected, steps_spilled, &
      steps_pending, last_acknowledged, bytes_put, bytes_sent, raw_bytes, stored_bytes, buffer_bytes, buffer_peak, &
      reconnects, errors
    real(c_double) :: blocked_seconds
  end type

  !> A coupled rank. All calls are harmless when open failed.
  type, public :: gaussitu_client
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure :: open => client_open
    procedure :: define_uniform, define_rectilinear, define_unstructured, define_points
    procedure :: begin_step, end_step, flush, status, close => client_close
    procedure, private :: put_f32, put_f64, put_f32_3d, put_f64_3d
    generic :: put => put_f32, put_f64, put_f32_3d, put_f64_3d
    procedure :: error => client_error
  end type

  interface
    subroutine c_options_init(options) bind(c, name="gaussitu_options_init")
      import :: c_options
      type(c_options), intent(out) :: options
    end subroutine
    subroutine c_field_init(field) bind(c, name="gaussitu_field_init")
      import :: c_field
      type(c_field), intent(out) :: field
    end subroutine
    integer(c_int) function c_open(options, client) bind(c, name="gaussitu_open")
      import :: c_options, c_ptr, c_int
      type(c_options), intent(in) :: options
      type(c_ptr), intent(out) :: client
    end function
    integer(c_int) function c_define_uniform(client, mesh, block, grid, origin, spacing) &
        bind(c, name="gaussitu_define_uniform")
      import :: c_ptr, c_int, c_int64_t, c_char, c_double, gaussitu_grid
      type(c_ptr), value :: client
      character(kind=c_char), intent(in) :: mesh(*)
      integer(c_int64_t), value :: block
      type(gaussitu_grid), intent(in) :: grid
      real(c_double), intent(in) :: origin(3), spacing(3)
    end function
    integer(c_int) function c_define_rectilinear(client, mesh, block, grid, dtype, x, y, z) &
        bind(c, name="gaussitu_define_rectilinear")
      import :: c_ptr, c_int, c_int64_t, c_char, c_double, gaussitu_grid
      type(c_ptr), value :: client
      character(kind=c_char), intent(in) :: mesh(*)
      integer(c_int64_t), value :: block
      type(gaussitu_grid), intent(in) :: grid
      integer(c_int), value :: dtype
      real(c_double), intent(in) :: x(*), y(*), z(*)
    end function
    integer(c_int) function c_define_unstructured(client, mesh, block, nodes, dtype, points, cells, index_dtype, &
        connectivity_count, connectivity, offsets, types) bind(c, name="gaussitu_define_unstructured")
      import :: c_ptr, c_int, c_int8_t, c_int32_t, c_int64_t, c_char, c_double
      type(c_ptr), value :: client
      character(kind=c_char), intent(in) :: mesh(*)
      integer(c_int64_t), value :: block, nodes, cells, connectivity_count
      integer(c_int), value :: dtype, index_dtype
      real(c_double), intent(in) :: points(*)
      integer(c_int32_t), intent(in) :: connectivity(*), offsets(*)
      integer(c_int8_t), intent(in) :: types(*)
    end function
    integer(c_int) function c_define_points(client, mesh, block, nodes, dtype, points) &
        bind(c, name="gaussitu_define_points")
      import :: c_ptr, c_int, c_int64_t, c_char, c_double
      type(c_ptr), value :: client
      character(kind=c_char), intent(in) :: mesh(*)
      integer(c_int64_t), value :: block, nodes
      integer(c_int), value :: dtype
      real(c_double), intent(in) :: points(*)
    end function
    integer(c_int) function c_begin_step(client, step, time) bind(c, name="gaussitu_begin_step")
      import :: c_ptr, c_int, c_int64_t, c_double
      type(c_ptr), value :: client
      integer(c_int64_t), value :: step
      real(c_double), value :: time
    end function
    integer(c_int) function c_put_field(client, field, data) bind(c, name="gaussitu_put_field")
      import :: c_ptr, c_int, c_field
      type(c_ptr), value :: client, data
      type(c_field), intent(in) :: field
    end function
    integer(c_int) function c_end_step(client) bind(c, name="gaussitu_end_step")
      import :: c_ptr, c_int
      type(c_ptr), value :: client
    end function
    integer(c_int) function c_flush(client, seconds) bind(c, name="gaussitu_flush")
      import :: c_ptr, c_int, c_double
      type(c_ptr), value :: client
      real(c_double), value :: seconds
    end function
    integer(c_int) function c_status(client, status) bind(c, name="gaussitu_get_status")
      import :: c_ptr, c_int, gaussitu_status
      type(c_ptr), value :: client
      type(gaussitu_status), intent(inout) :: status
    end function
    integer(c_int) function c_close(client, seconds) bind(c, name="gaussitu_close")
      import :: c_ptr, c_int, c_double
      type(c_ptr), value :: client
      real(c_double), value :: seconds
    end function
    type(c_ptr) function c_last_error(client) bind(c, name="gaussitu_last_error")
      import :: c_ptr
      type(c_ptr), value :: client
    end function
    integer(c_size_t) function c_strlen(text) bind(c, name="strlen")
      import :: c_ptr, c_size_t
      type(c_ptr), value :: text
    end function
  end interface

contains

  !> Arguments left out, or blank, take the defaults of gaussitu_options_init.
  integer function client_open(self, run, rank, ranks, endpoint, policy, block_seconds, buffer_bytes, spill_dir) &
      result(status)
    class(gaussitu_client), intent(inout) :: self
    character(*), intent(in), optional :: run, endpoint, spill_dir
    integer, intent(in), optional :: rank, ranks, policy
    real(c_double), intent(in), optional :: block_seconds
    integer(c_int64_t), intent(in), optional :: buffer_bytes
    type(c_options) :: o
    character(kind=c_char, len=:), allocatable, target :: c_run, c_endpoint, c_spill, c_client
    call c_options_init(o)
    c_client = "fortran" // c_null_char
    o%client = c_loc(c_client)
    if (present(run)) then
      c_run = trim(run) // c_null_char
      o%run = c_loc(c_run)
    end if
    if (present(endpoint)) then
      c_endpoint = trim(endpoint) // c_null_char
      if (len_trim(endpoint) > 0) o%endpoint = c_loc(c_endpoint)
    end if
    if (present(spill_dir)) then
      c_spill = trim(spill_dir) // c_null_char
      if (len_trim(spill_dir) > 0) o%spill_dir = c_loc(c_spill)
    end if
    if (present(rank)) o%rank = int(rank, c_int32_t)
    if (present(ranks)) o%ranks = int(ranks, c_int32_t)
    if (present(policy)) o%policy = int(policy, c_int)
    if (present(block_seconds)) o%block_seconds = block_seconds
    if (present(buffer_bytes)) o%buffer_bytes = buffer_bytes
    status = c_open(o, self%handle)
  end function

  integer function define_uniform(self, mesh, block, grid, origin, spacing) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: mesh
    integer, intent(in) :: block
    type(gaussitu_grid), intent(in) :: grid
    real(c_double), intent(in) :: origin(3), spacing(3)
    status = c_define_uniform(self%handle, trim(mesh) // c_null_char, int(block, c_int64_t), grid, origin, spacing)
  end function

  integer function define_rectilinear(self, mesh, block, grid, x, y, z) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: mesh
    integer, intent(in) :: block
    type(gaussitu_grid), intent(in) :: grid
    real(c_double), contiguous, intent(in) :: x(:), y(:), z(:)
    status = c_define_rectilinear(self%handle, trim(mesh) // c_null_char, int(block, c_int64_t), grid, gaussitu_f64, &
      x, y, z)
  end function

  !> points(3, nodes); connectivity and offsets count from 0, as in C; types: VTK cell types.
  integer function define_unstructured(self, mesh, block, points, connectivity, offsets, types) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: mesh
    integer, intent(in) :: block
    real(c_double), contiguous, intent(in) :: points(:, :)
    integer(c_int32_t), contiguous, intent(in) :: connectivity(:), offsets(:)
    integer(c_int8_t), contiguous, intent(in) :: types(:)
    status = c_define_unstructured(self%handle, trim(mesh) // c_null_char, int(block, c_int64_t), &
      size(points, 2, c_int64_t), gaussitu_f64, points, size(types, kind=c_int64_t), gaussitu_i32, &
      size(connectivity, kind=c_int64_t), connectivity, offsets, types)
  end function

  !> points(3, n)
  integer function define_points(self, mesh, block, points) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: mesh
    integer, intent(in) :: block
    real(c_double), contiguous, intent(in) :: points(:, :)
    status = c_define_points(self%handle, trim(mesh) // c_null_char, int(block, c_int64_t), &
      size(points, 2, c_int64_t), gaussitu_f64, points)
  end function

  integer function begin_step(self, step, time) result(status)
    class(gaussitu_client), intent(in) :: self
    integer, intent(in) :: step
    real(c_double), intent(in) :: time
    status = c_begin_step(self%handle, int(step, c_int64_t), time)
  end function

  integer function put_any(self, name, mesh, block, dtype, n, data, association, components, units) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: name, mesh
    integer, intent(in) :: block, dtype
    integer(c_int64_t), intent(in) :: n
    type(c_ptr), intent(in) :: data
    integer, intent(in), optional :: association, components
    character(*), intent(in), optional :: units
    type(c_field) :: f
    character(kind=c_char, len=:), allocatable, target :: c_name, c_mesh, c_units
    c_name = trim(name) // c_null_char
    c_mesh = trim(mesh) // c_null_char
    call c_field_init(f)
    f%name = c_loc(c_name)
    f%mesh = c_loc(c_mesh)
    f%block = int(block, c_int64_t)
    f%dtype = dtype
    if (present(association)) f%association = association
    if (present(components)) f%components = components
    if (present(units)) then
      c_units = trim(units) // c_null_char
      f%units = c_loc(c_units)
    end if
    f%count = n / max(1, f%components)
    status = c_put_field(self%handle, f, data)
  end function

  !> values(n) or, with components, values(components * n): x fastest, components fastest of all.
  integer function put_f32(self, name, mesh, block, values, association, components, units) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: name, mesh
    integer, intent(in) :: block
    real(c_float), contiguous, target, intent(in) :: values(:)
    integer, intent(in), optional :: association, components
    character(*), intent(in), optional :: units
    status = put_any(self, name, mesh, block, gaussitu_f32, size(values, kind=c_int64_t), c_loc(values), &
      association, components, units)
  end function

  integer function put_f64(self, name, mesh, block, values, association, components, units) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: name, mesh
    integer, intent(in) :: block
    real(c_double), contiguous, target, intent(in) :: values(:)
    integer, intent(in), optional :: association, components
    character(*), intent(in), optional :: units
    status = put_any(self, name, mesh, block, gaussitu_f64, size(values, kind=c_int64_t), c_loc(values), &
      association, components, units)
  end function

  integer function put_f32_3d(self, name, mesh, block, values, association, units) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: name, mesh
    integer, intent(in) :: block
    real(c_float), contiguous, target, intent(in) :: values(:, :, :)
    integer, intent(in), optional :: association
    character(*), intent(in), optional :: units
    status = put_any(self, name, mesh, block, gaussitu_f32, size(values, kind=c_int64_t), c_loc(values), &
      association, units=units)
  end function

  integer function put_f64_3d(self, name, mesh, block, values, association, units) result(status)
    class(gaussitu_client), intent(in) :: self
    character(*), intent(in) :: name, mesh
    integer, intent(in) :: block
    real(c_double), contiguous, target, intent(in) :: values(:, :, :)
    integer, intent(in), optional :: association
    character(*), intent(in), optional :: units
    status = put_any(self, name, mesh, block, gaussitu_f64, size(values, kind=c_int64_t), c_loc(values), &
      association, units=units)
  end function

  integer function end_step(self) result(status)
    class(gaussitu_client), intent(in) :: self
    status = c_end_step(self%handle)
  end function

  integer function flush(self, seconds) result(status)
    class(gaussitu_client), intent(in) :: self
    real(c_double), intent(in) :: seconds
    status = c_flush(self%handle, seconds)
  end function

  type(gaussitu_status) function status(self) result(now)
    class(gaussitu_client), intent(in) :: self
    integer(c_int) :: ignored
    now%size = c_sizeof(now)
    ignored = c_status(self%handle, now)
  end function

  integer function client_close(self, seconds) result(status)
    class(gaussitu_client), intent(inout) :: self
    real(c_double), intent(in) :: seconds
    status = c_close(self%handle, seconds)
    self%handle = c_null_ptr
  end function

  !> The last failure as a sentence.
  function client_error(self) result(text)
    class(gaussitu_client), intent(in) :: self
    character(:), allocatable :: text
    character(kind=c_char), pointer :: c_text(:)
    type(c_ptr) :: p
    integer :: i
    p = c_last_error(self%handle)
    call c_f_pointer(p, c_text, [c_strlen(p)])
    allocate (character(size(c_text)) :: text)
    do i = 1, size(c_text)
      text(i:i) = c_text(i)
    end do
  end function

end module
