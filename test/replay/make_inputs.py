"""HDF5 and VTKHDF inputs as other programs write them (h5py), for the tests of src/replay."""
import sys

import h5py
import numpy as np

out = sys.argv[1]
z, y, x = np.meshgrid(np.arange(3), np.arange(4), np.arange(5), indexing="ij")
field = (x + 10 * y + 100 * z).astype("f4")  # [z, y, x]: the value tells the index

with h5py.File(f"{out}/suffix.h5", "w") as f:  # one dataset per field and step
    f.attrs["spacing"] = [0.5, 1.0, 2.0]
    f.attrs["origin"] = [1.0, 2.0, 3.0]
    for step in range(3):
        d = f.create_dataset(f"u_{step:03d}", data=field + 1000 * step)
        d.attrs["units"] = "m/s"
        d.attrs["time"] = 0.25 * step
        f.create_dataset(f"n_{step:03d}", data=(field + step).astype("i8"))
    f["note"] = "not a field"

with h5py.File(f"{out}/groups.h5", "w") as f:  # one group per step, openPMD-like, with a vector and a gap
    for step in (0, 10, 30):
        g = f.create_group(f"data/{step}/meshes")
        f[f"data/{step}"].attrs["time"] = step / 10
        g.create_dataset("v", data=np.stack([field + step, -field, 0 * field], axis=-1).astype("f8"))
        if step != 10:
            g.create_dataset("p", data=field, chunks=(1, 4, 5), compression="gzip", shuffle=True)

with h5py.File(f"{out}/axis.h5", "w") as f:  # a time axis, rectilinear, big-endian, as NetCDF-4 has it
    f["time"] = np.array([5.0, 6.0])
    f["x"] = np.array([0.0, 1.0, 3.0, 6.0, 10.0])
    f["y"] = np.arange(4.0)
    f["T"] = np.stack([field, field + 7]).astype(">f4")
    f["surface"] = np.stack([field[0], field[0] + 7])

with h5py.File(f"{out}/image.vtkhdf", "w") as f:
    g = f.create_group("VTKHDF")
    g.attrs.create("Type", b"ImageData", dtype=h5py.string_dtype("ascii", 9))
    g.attrs["Version"] = (2, 0)
    g.attrs["WholeExtent"] = (1, 5, 0, 3, 0, 2)
    g.attrs["Origin"] = (0.0, 10.0, 20.0)
    g.attrs["Spacing"] = (2.0, 1.0, 1.0)
    g.attrs["Direction"] = (1.0, 0, 0, 0, 1, 0, 0, 0, 1)
    g.create_group("PointData").create_dataset("u", data=field)
    g.create_group("CellData").create_dataset("c", data=field[:2, :3, :4].astype("f8"))

with h5py.File(f"{out}/image_time.vtkhdf", "w") as f:
    g = f.create_group("VTKHDF")
    g.attrs.create("Type", b"ImageData", dtype=h5py.string_dtype("ascii", 9))
    g.attrs["Version"] = (2, 0)
    g.attrs["WholeExtent"] = (0, 4, 0, 3, 0, 2)
    g.create_group("PointData").create_dataset("u", data=np.stack([field, field + 1]))
    s = g.create_group("Steps")
    s.attrs["NSteps"] = 2
    s["Values"] = [0.5, 1.5]
    s["PointDataOffsets/u"] = [1, 0]  # stored in the other order, on purpose

points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], "f4")
tets = np.array([0, 1, 2, 3, 1, 2, 3, 4])
with h5py.File(f"{out}/grid_time.vtkhdf", "w") as f:  # two parts (the second one tet), mesh kept over two steps
    g = f.create_group("VTKHDF")
    g.attrs.create("Type", b"UnstructuredGrid", dtype=h5py.string_dtype("ascii", 16))
    g.attrs["Version"] = (2, 0)
    g["NumberOfPoints"] = [5, 4]
    g["NumberOfCells"] = [2, 1]
    g["NumberOfConnectivityIds"] = [8, 4]
    g["Points"] = np.concatenate([points, points[:4] + 5])
    g["Connectivity"] = np.concatenate([tets, [0, 1, 2, 3]])
    g["Offsets"] = [0, 4, 8, 0, 4]
    g["Types"] = np.full(3, 10, "u1")
    g["PointData/p"] = np.arange(18, dtype="f8")
    g["CellData/q"] = np.arange(18, dtype="f4").reshape(6, 3)
    s = g.create_group("Steps")
    s.attrs["NSteps"] = 2
    s["Values"] = [0.0, 2.0]
    s["PartOffsets"] = [0, 0]
    s["NumberOfParts"] = [2, 2]
    s["PointOffsets"] = [0, 0]
    s["CellOffsets"] = [[0], [0]]
    s["ConnectivityIdOffsets"] = [[0], [0]]
    s["PointDataOffsets/p"] = [0, 9]
    s["CellDataOffsets/q"] = [0, 3]

with h5py.File(f"{out}/poly.vtkhdf", "w") as f:
    f.create_group("VTKHDF").attrs.create("Type", b"PolyData", dtype=h5py.string_dtype("ascii", 8))
